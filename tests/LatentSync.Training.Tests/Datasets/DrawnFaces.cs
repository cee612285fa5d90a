using LatentSync.Media.Video.Tools;
using LatentSync.Testing;
using LatentSync.Training.Datasets;

namespace LatentSync.Training.Tests.Datasets;

/// <summary>A folder of three small drawn clips with their faces, written once for a class of tests.</summary>
public sealed class DrawnFaces : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>What the folder was written by: 64 frames at 64x64.</summary>
    public SyntheticDatasetOptions Options =>
        new()
        {
            Folder = _folder.Path,
            Count = 3,
            Seed = 5,
            Seconds = 2.56,
            Size = 128,
            Resolution = 64,
            WriteFaces = true,
            Jobs = 2,
        };

    public string Folder => _folder.Path;

    public string Faces => _folder.File(SyntheticDatasetWriter.FacesName);

    public FfmpegTools Tools { get; private set; } = null!;

    /// <summary>What writing it returned.</summary>
    public SyntheticDatasetResult Result { get; private set; } = null!;

    public static async Task<FfmpegTools> RequireToolsAsync()
    {
        try
        {
            return await FfmpegTools.LocateAsync(null);
        }
        catch (FfmpegNotFoundException e)
        {
            Assert.Skip(e.Message);
            throw;
        }
    }

    /// <summary>Runs ffmpeg with inputs and output, overwriting, and demands success.</summary>
    public async Task FfmpegAsync(params string[] arguments)
    {
        ProgramRun run = await ProgramRun.RunAsync(
            new ProgramStart(Tools.FfmpegPath, ["-v", "error", "-hide_banner", "-nostdin", "-y", .. arguments])
        );
        Assert.True(run.ExitCode == 0, $"ffmpeg {string.Join(' ', arguments)}: {run.Errors}");
    }

    public async ValueTask InitializeAsync()
    {
        Tools = await RequireToolsAsync();
        Result = await new SyntheticDatasetWriter(Options).RunAsync();
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
