using LatentSync.Foundation.Files;
using LatentSync.Media.Audio;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Synthesis;
using LatentSync.Media.Synthesis.Heads;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Tools;
using LatentSync.Media.Video.Writing;

namespace LatentSync.Evaluation.Demo;

/// <summary>What a demo is made of: a person who says a sentence, and another sentence of the same voice. Draws and encodes it.</summary>
internal sealed class DemoScene
{
    /// <summary>Frames per second of all videos.</summary>
    public const int FrameRate = 25;

    private const int SpeechRate = 48000;

    /// <summary>The video is so much longer than the new speech, so that every output frame has its own input frame.</summary>
    private const double SpareSeconds = 0.2;

    private readonly SyntheticClip _clip;
    private readonly SyntheticClip _speech;
    private readonly SyntheticClip _unrelated;

    /// <summary>Plans the scene.</summary>
    /// <param name="options">Seed, duration and size.</param>
    public DemoScene(DemoOptions options)
    {
        DemoSeeds seeds = DemoSeeds.Of(options.Seed);
        SyntheticClipOptions person = new()
        {
            Seed = seeds.Clip,
            DurationSeconds = options.DurationSeconds + SpareSeconds,
            Width = options.Size,
            Height = options.Size,
            FrameRate = FrameRate,
            SampleRate = SpeechRate,
        };
        _clip = SyntheticClip.Generate(person);
        _speech = SyntheticClip.Generate(person with { SpeechSeed = seeds.Speech, DurationSeconds = options.DurationSeconds });
        _unrelated = SyntheticClip.Generate(person with { SpeechSeed = seeds.Unrelated, DurationSeconds = options.DurationSeconds });
    }

    /// <summary>Frames of the input.</summary>
    public int InputFrames => _clip.FrameCount;

    /// <summary>Frames of the new speech.</summary>
    public int SpeechFrames => _speech.FrameCount;

    /// <summary>Mouth opening that the new speech implies, per frame.</summary>
    public double[] ImpliedOpenings() => _speech.ImpliedOpenings();

    /// <summary>Mouth opening that the unrelated sentence implies, per frame.</summary>
    public double[] UnrelatedOpenings() => _unrelated.ImpliedOpenings();

    /// <summary>Writes the new speech.</summary>
    /// <param name="path">WAV file.</param>
    public void WriteSpeech(string path) => WavWriter.Write(path, _speech.Speech, SpeechRate);

    /// <summary>Draws the person saying the first sentence.</summary>
    /// <param name="path">Video to write.</param>
    /// <param name="landmarksPath">Landmarks file to write.</param>
    /// <param name="tools">ffmpeg.</param>
    /// <param name="drawn">Told the number of frames drawn.</param>
    /// <param name="cancellationToken">Stops it; an unfinished video goes.</param>
    /// <returns>Where things are in each frame.</returns>
    public async Task<IReadOnlyList<HeadLandmarks>> DrawInputAsync(
        string path,
        string landmarksPath,
        FfmpegTools tools,
        Action<int> drawn,
        CancellationToken cancellationToken
    )
    {
        using PartialFile ownSpeech = new(path);
        WavWriter.Write(ownSpeech.Path, _clip.Speech, SpeechRate);
        List<HeadLandmarks> landmarks = await DrawAsync(_clip.Frames(), path, ownSpeech.Path, tools, drawn, cancellationToken)
            .ConfigureAwait(false);
        var faces = new Dictionary<long, IReadOnlyList<DetectedFace>>();
        for (int i = 0; i < landmarks.Count; i++)
        {
            faces[i] = [new DetectedFace(FaceProportions.BoxAround(landmarks[i].Alignment), 1, landmarks[i].Alignment, true)];
        }
        new LandmarksFile(faces, _clip.Options.Width, _clip.Options.Height).Save(landmarksPath);
        return landmarks;
    }

    /// <summary>Draws the person with the same gestures saying the new sentence: what the lip-sync should come near to, and never
    /// sees.</summary>
    /// <param name="path">Video to write.</param>
    /// <param name="speechPath">The new speech.</param>
    /// <param name="tools">ffmpeg.</param>
    /// <param name="drawn">Told the number of frames drawn.</param>
    /// <param name="cancellationToken">Stops it; an unfinished video goes.</param>
    public Task DrawReferenceAsync(
        string path,
        string speechPath,
        FfmpegTools tools,
        Action<int> drawn,
        CancellationToken cancellationToken
    ) => DrawAsync(_clip.Frames(_speech.Articulation).Take(SpeechFrames), path, speechPath, tools, drawn, cancellationToken);

    private async Task<List<HeadLandmarks>> DrawAsync(
        IEnumerable<SyntheticFrame> frames,
        string path,
        string speechPath,
        FfmpegTools tools,
        Action<int> drawn,
        CancellationToken cancellationToken
    )
    {
        List<HeadLandmarks> landmarks = [];
        VideoWriterOptions output = new()
        {
            OutputPath = path,
            Width = _clip.Options.Width,
            Height = _clip.Options.Height,
            FrameRate = new Rational(FrameRate, 1),
            Color = VideoColor.Assumed(_clip.Options.Height),
            AudioPath = speechPath,
        };
        await using VideoWriter writer = await VideoWriter.CreateAsync(output, tools, cancellationToken).ConfigureAwait(false);
        foreach (SyntheticFrame frame in frames)
        {
            using (frame)
            {
                landmarks.Add(frame.Landmarks);
                await writer.WriteAsync(frame.Frame).ConfigureAwait(false);
            }
            drawn(landmarks.Count);
        }
        await writer.CompleteAsync().ConfigureAwait(false);
        return landmarks;
    }
}
