using LatentSync.Media.Audio;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Synthesis;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Tools;
using LatentSync.Media.Video.Writing;
using LatentSync.Networks;

namespace LatentSync.Tests.Run;

/// <summary>What the runs share and leave as it is: one small checkpoint, one drawn speaker, one speech, one pipeline that keeps the
/// networks.</summary>
public sealed class PipelineFixture : IAsyncLifetime
{
    /// <summary>Side of the shared clip.</summary>
    internal const int Side = 160;

    /// <summary>Frames of the shared clip, at 25 per second.</summary>
    internal const int Frames = 30;

    private readonly string _root = Directory.CreateTempSubdirectory("latentsync-runs-").FullName;

    private readonly Dictionary<int, List<byte[]>> _plain = [];

    /// <summary>A seeded checkpoint.</summary>
    internal string Checkpoint => Path.Combine(_root, "checkpoint");

    /// <summary>30 frames of a drawn speaker.</summary>
    internal string Talk => Path.Combine(_root, "talk.mp4");

    /// <summary>Where the speaker's face is in each of them.</summary>
    internal string Landmarks => Path.Combine(_root, "landmarks.json");

    /// <summary>0.8 s of other speech: 20 frames, two chunks.</summary>
    internal string SpeechFile => Path.Combine(_root, "speech.wav");

    /// <summary>Keeps the networks between runs.</summary>
    internal LipSyncPipeline Pipeline { get; } = new();

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        SeededCheckpoint.Write(Checkpoint, 3);
        SyntheticClip clip = SyntheticClip.Generate(
            new SyntheticClipOptions
            {
                Seed = 5,
                DurationSeconds = Frames / 25.0,
                Width = Side,
                Height = Side,
            }
        );
        WavWriter.Write(
            SpeechFile,
            SyntheticClip
                .Generate(
                    new SyntheticClipOptions
                    {
                        Seed = 5,
                        SpeechSeed = 6,
                        DurationSeconds = 0.8,
                    }
                )
                .Speech,
            16000
        );
        FfmpegTools tools;
        try
        {
            tools = await FfmpegTools.LocateAsync();
        }
        catch (FfmpegNotFoundException)
        {
            return; // the tests skip themselves
        }
        var faces = new Dictionary<long, IReadOnlyList<DetectedFace>>();
        VideoWriterOptions options = new()
        {
            OutputPath = Talk,
            Width = Side,
            Height = Side,
            FrameRate = new Rational(25, 1),
            Color = VideoColor.Assumed(Side),
            Crf = 10,
        };
        await using VideoWriter writer = await VideoWriter.CreateAsync(options, tools);
        foreach (SyntheticFrame frame in clip.Frames())
        {
            using (frame)
            {
                faces[faces.Count] =
                [
                    new DetectedFace(FaceProportions.BoxAround(frame.Landmarks.Alignment), 1, frame.Landmarks.Alignment, true),
                ];
                await writer.WriteAsync(frame.Frame);
            }
        }
        await writer.CompleteAsync();
        new LandmarksFile(faces).Save(Landmarks);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Pipeline.Dispose();
        Directory.Delete(_root, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>The cheapest run through the networks: faces of 64 pixels, one step, no guidance, five frames.</summary>
    internal SyncOptions Quick(string output) =>
        new()
        {
            VideoPath = Talk,
            AudioPath = SpeechFile,
            OutputPath = output,
            CheckpointFolder = Checkpoint,
            LandmarksPath = Landmarks,
            Resolution = 64,
            InferenceSteps = 1,
            GuidanceScale = 1,
            PreviewSeconds = 0.2,
            Crf = 4,
            DType = "f32",
        };

    /// <summary>The frames of <see cref="Quick"/> with so many steps, computed once.</summary>
    internal async Task<IReadOnlyList<byte[]>> PlainFramesAsync(int steps)
    {
        if (!_plain.TryGetValue(steps, out List<byte[]>? frames))
        {
            string path = Path.Combine(_root, $"plain{steps}.mp4");
            await Pipeline.RunAsync(Quick(path) with { InferenceSteps = steps });
            frames = await Clips.DecodeAsync(path);
            _plain.Add(steps, frames);
        }
        return frames;
    }

    /// <summary>A run without the networks over the whole speech.</summary>
    internal SyncOptions Identity(string output) => Quick(output) with { Identity = true, PreviewSeconds = null };
}

/// <summary>The runs share a fixture and go alone, since they count the process's tensors.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class PipelineRuns : ICollectionFixture<PipelineFixture>
{
    /// <summary>Name of the collection.</summary>
    public const string Name = "pipeline runs";
}
