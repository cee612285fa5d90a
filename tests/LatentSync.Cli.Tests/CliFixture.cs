using System.Text.Json;
using LatentSync.Testing;

namespace LatentSync.Cli.Tests;

/// <summary>What the runs of the program share and leave as it is: a clip, its landmarks, a tone, and a small checkpoint.</summary>
public sealed class CliFixture : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>25 frames of a test picture, 160x160.</summary>
    public string Video => _folder.File("video.mp4");

    /// <summary>0.8 s of a tone.</summary>
    public string Audio => _folder.File("audio.wav");

    /// <summary>A face in each frame.</summary>
    public string Landmarks => _folder.File("landmarks.json");

    /// <summary>A seeded checkpoint, made by the program itself.</summary>
    public string Checkpoint => _folder.File("checkpoint");

    /// <summary>How making the checkpoint went.</summary>
    internal ProgramRun CheckpointRun { get; private set; } = new(-1, string.Empty, string.Empty);

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        CheckpointRun = await Cli.RunAsync("checkpoint", "new", "--out", Checkpoint, "--seed", "3");
        if (ProgramRun.Find("ffmpeg") is not { } ffmpeg)
        {
            return; // the tests skip themselves
        }
        await ProgramRun.RunAsync(
            new ProgramStart(
                ffmpeg,
                "-v",
                "error",
                "-nostdin",
                "-f",
                "lavfi",
                "-i",
                "testsrc=size=160x160:rate=25:duration=1",
                "-pix_fmt",
                "yuv420p",
                Video
            )
        );
        await ProgramRun.RunAsync(
            new ProgramStart(
                ffmpeg,
                "-v",
                "error",
                "-nostdin",
                "-f",
                "lavfi",
                "-i",
                "sine=frequency=220:sample_rate=16000:duration=0.8",
                Audio
            )
        );
        int[][] face =
        [
            [66, 62],
            [94, 62],
            [80, 82],
        ];
        File.WriteAllText(
            Landmarks,
            JsonSerializer.Serialize(new { version = 1, frames = Enumerable.Range(0, 25).Select(i => new { frame = i, points = face }) })
        );
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Arguments of a small run through the networks, without the output.</summary>
    public string[] Sync(params string[] more) =>
        [
            "sync",
            "--video",
            Video,
            "--audio",
            Audio,
            "--landmarks",
            Landmarks,
            "--checkpoint",
            Checkpoint,
            "--resolution",
            "64",
            "--steps",
            "1",
            "--guidance",
            "1",
            "--preview",
            "0.2",
            "--dtype",
            "f32",
            .. more,
        ];
}

/// <summary>The programs run one after the other: each uses all cores.</summary>
[CollectionDefinition(Name)]
public sealed class CliRuns : ICollectionFixture<CliFixture>
{
    /// <summary>Name of the collection.</summary>
    public const string Name = "runs of the program";
}
