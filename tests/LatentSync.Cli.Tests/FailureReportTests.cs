using System.Text.Json;
using LatentSync.Compute;
using LatentSync.Foundation.Wording;
using LatentSync.Media;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Video.Tools;
using LatentSync.Networks;
using LatentSync.Platform.Loading;

namespace LatentSync.Cli.Tests;

/// <summary>Which failure gives which exit code, that its code is in the message, and that a stack trace comes only when asked
/// for.</summary>
[Collection(SharedProcess.Name)]
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
        (int given, string quiet, string output) = Write(failure, new FailureContext());
        (_, string verbose, _) = Write(failure, new FailureContext { IsVerbose = true });

        Assert.Equal(code, given);
        Assert.StartsWith("latentsync: ", quiet, StringComparison.Ordinal);
        Assert.Single(quiet.TrimEnd().Split('\n'));
        Assert.True(verbose.Length > quiet.Length, "--verbose must tell more");
        Assert.Empty(output);
    }

    [Theory]
    [MemberData(nameof(Failures), DisableDiscoveryEnumeration = true)]
    public void Write_Json_SaysTheSameAsData(int code, Exception failure)
    {
        (_, string errors, string output) = Write(failure, new FailureContext { IsJson = true });

        JsonElement error = JsonDocument.Parse(output).RootElement.GetProperty("error");
        Assert.Equal(
            ["kind", "code", "message", "remedy", "exitCode", "option"],
            error.EnumerateObject().Select(property => property.Name)
        );
        Assert.Equal(code, error.GetProperty("exitCode").GetInt32());
        Assert.Equal(
            code switch
            {
                1 => "failed",
                2 => "input",
                3 => "machine",
                _ => "cancelled",
            },
            error.GetProperty("kind").GetString()
        );
        Assert.Equal($"latentsync: {error.GetProperty("message").GetString()}", errors.TrimEnd());
    }

    [Fact]
    public void Write_FailureWithACode_NamesItOnceAndGivesTheRemedyAsData()
    {
        (Exception Failure, string Code, string? Remedy)[] cases =
        [
            (new MediaException(MediaFault.Corrupt, "damaged"), "MED0105", null),
            (new FaceException(FaceFault.NoFace, "no face"), "FAC0", null),
            (new FfmpegNotFoundException("no ffmpeg", "apt install ffmpeg", []), "MED0301", "apt install ffmpeg"),
            (
                new NativeLoadException(
                    new NativeLoadFailure(NativeLoadCause.FileMissing, "libtorch.so", "nothing", "it", "restore the packages"),
                    []
                ),
                "NAT01",
                "restore the packages"
            ),
        ];
        foreach ((Exception failure, string code, string? remedy) in cases)
        {
            (_, string errors, string output) = Write(failure, new FailureContext { IsJson = true });
            JsonElement error = JsonDocument.Parse(output).RootElement.GetProperty("error");
            string given = error.GetProperty("code").GetString()!;

            Assert.StartsWith(code, given, StringComparison.Ordinal);
            Assert.StartsWith($"latentsync: {given} ", errors, StringComparison.Ordinal);
            Assert.Equal(2, errors.Split(given).Length);
            Assert.Equal(remedy, error.GetProperty("remedy").GetString());
        }
    }

    [Fact]
    public void Write_Cancelled_SaysWhatIsKeptInEitherLanguage()
    {
        FailureContext context = new()
        {
            IsJson = true,
            Signalled = 143,
            GoingOn = "3 finished chunks are kept",
        };
        (int code, string english, string output) = Write(new OperationCanceledException(), context);
        (_, string chinese, _) = Write(new OperationCanceledException(), context, Language.Chinese);

        Assert.Equal(143, code);
        Assert.Contains("3 finished chunks are kept", english, StringComparison.Ordinal);
        Assert.Contains("已取消", chinese, StringComparison.Ordinal);
        JsonElement error = JsonDocument.Parse(output).RootElement.GetProperty("error");
        Assert.Equal(
            ("cancelled", 143, "3 finished chunks are kept"),
            (error.GetProperty("kind").GetString(), error.GetProperty("exitCode").GetInt32(), error.GetProperty("remedy").GetString())
        );
    }

    [Fact]
    public void Warning_LooksLikeNoFailure()
    {
        using SpokenTo spoken = new();
        Say.Warning("only drawn faces");

        Assert.Equal("warning: only drawn faces", spoken.Errors.TrimEnd());
    }

    private static (int Code, string Errors, string Output) Write(
        Exception failure,
        FailureContext context,
        Language language = Language.English
    )
    {
        using SpokenTo spoken = new(language);
        try
        {
            throw failure;
        }
        catch (Exception thrown)
        {
            return (FailureReport.Write(thrown, context), spoken.Errors, spoken.Output);
        }
    }
}
