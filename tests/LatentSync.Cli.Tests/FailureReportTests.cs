using LatentSync.Compute;
using LatentSync.Media;
using LatentSync.Media.Faces;
using LatentSync.Media.Video;
using LatentSync.Networks;

namespace LatentSync.Cli.Tests;

/// <summary>Which failure gives which exit code, and that a stack trace comes only when asked for.</summary>
public sealed class FailureReportTests
{
    public static TheoryData<int, Exception> Failures { get; } =
        new()
        {
            { 130, new OperationCanceledException() },
            { 130, new TaskCanceledException() },
            { 3, new FfmpegNotFoundException("no ffmpeg", "apt install ffmpeg", []) },
            { 3, new DeviceUnavailableException("no such device") },
            { 3, new FaceException(FaceFault.NoDetector, "no detector") },
            { 2, new FaceException(FaceFault.NoFace, "no face") },
            { 2, new MediaException(MediaFault.Corrupt, "damaged") },
            { 1, new MediaException(MediaFault.DiskFull, "full") },
            { 1, new MediaException(MediaFault.ToolFailed, "died") },
            { 2, new SyncOptionsException("--steps") },
            { 2, new CheckpointFolderException("no folder") },
            { 2, new FileNotFoundException("no file") },
            { 1, new IOException("disk") },
            { 1, new UnauthorizedAccessException("no permission") },
            { 3, new OutOfMemoryException() },
            { 1, new InvalidOperationException("a defect") },
            { 2, new AggregateException(new SyncOptionsException("inside")) },
        };

    [Theory]
    [MemberData(nameof(Failures), DisableDiscoveryEnumeration = true)]
    public void Write_Failure_OneLineOnStandardErrorAndTheContractsCode(int code, Exception failure)
    {
        (int given, string quiet) = Write(failure, verbose: false);
        (_, string verbose) = Write(failure, verbose: true);

        Assert.Equal(code, given);
        Assert.StartsWith("latentsync: ", quiet, StringComparison.Ordinal);
        Assert.Single(quiet.TrimEnd().Split('\n'));
        Assert.True(verbose.Length > quiet.Length, "--verbose must tell more");
    }

    private static (int Code, string Text) Write(Exception failure, bool verbose)
    {
        TextWriter before = Console.Error;
        StringWriter text = new();
        try
        {
            throw failure;
        }
        catch (Exception thrown)
        {
            Console.SetError(text);
            try
            {
                return (FailureReport.Write(thrown, verbose), text.ToString());
            }
            finally
            {
                Console.SetError(before);
            }
        }
    }
}
