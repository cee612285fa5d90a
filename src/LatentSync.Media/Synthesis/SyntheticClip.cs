using LatentSync.Media.Synthesis.Heads;
using LatentSync.Media.Synthesis.Voices;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Synthesis;

/// <summary>A drawn person who speaks: pictures, sound, and where things are. The mouth is a deterministic function of the
/// speech.</summary>
/// <example><code>
/// SyntheticClip clip = SyntheticClip.Generate(new SyntheticClipOptions { Seed = 7, DurationSeconds = 3 });
/// float[] speech = clip.Speech;
/// foreach (SyntheticFrame frame in clip.Frames()) { using (frame) { Use(frame.Frame, frame.Landmarks); } }
/// </code></example>
public sealed class SyntheticClip
{
    private readonly HeadGestures _gestures;
    private readonly Lazy<float[]> _speech;

    private SyntheticClip(SyntheticClipOptions options)
    {
        Options = options;
        Identity = HeadIdentity.FromSeed(options.IdentitySeed ?? options.Seed);
        Utterance = Utterance.Generate(
            options.SpeechSeed ?? options.Seed,
            options.DurationSeconds,
            VoiceProfile.FromSeed(options.VoiceSeed ?? options.Seed)
        );
        Articulation = new ArticulationTrack(Utterance);
        _gestures = new HeadGestures(options.Seed, Utterance);
        _speech = new Lazy<float[]>(() => SpeechSynthesizer.Synthesize(Utterance, options.SampleRate, options.SpeechSeed ?? options.Seed));
        FrameCount = Math.Max((int)Math.Floor(options.DurationSeconds * options.FrameRate + 1e-6), 1);
    }

    /// <summary>What was asked for.</summary>
    public SyntheticClipOptions Options { get; }

    /// <summary>Who is drawn.</summary>
    public HeadIdentity Identity { get; }

    /// <summary>What is said.</summary>
    public Utterance Utterance { get; }

    /// <summary>How the mouth moves.</summary>
    public ArticulationTrack Articulation { get; }

    /// <summary>Number of frames: duration x rate, rounded down, at least 1.</summary>
    public int FrameCount { get; }

    /// <summary>The speech, mono, at the options' sample rate, within ±0.7; synthesised at the first use.</summary>
    public float[] Speech => _speech.Value;

    /// <summary>Plans a clip; pictures and sound are made when they are asked for.</summary>
    /// <param name="options">Which clip.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static SyntheticClip Generate(SyntheticClipOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Check(nameof(options.FrameRate), options.FrameRate, 1, 120);
        Check(nameof(options.Width), options.Width, 64, 4096);
        Check(nameof(options.Height), options.Height, 64, 4096);
        Check(nameof(options.SampleRate), options.SampleRate, 8000, 48000);
        Check(nameof(options.DurationSeconds), options.DurationSeconds, 0.2, Utterance.MaxSeconds);
        return new SyntheticClip(options);
    }

    /// <summary>Moment of a frame in seconds: index / rate, the moment that its audio features are centred on.</summary>
    /// <param name="index">From 0.</param>
    public double SecondsAt(int index) => index / Options.FrameRate;

    /// <summary>Mouth opening that the speech implies at each frame, 0..1.</summary>
    public double[] ImpliedOpenings()
    {
        double[] openings = new double[FrameCount];
        for (int i = 0; i < openings.Length; i++)
        {
            openings[i] = Articulation.At(SecondsAt(i)).Opening;
        }
        return openings;
    }

    /// <summary>Draws the frames one after the other; each is fresh, only those not yet disposed take memory.</summary>
    /// <param name="mouths">Another speech to move the mouth by, from its own start; null: this clip's.</param>
    public IEnumerable<SyntheticFrame> Frames(ArticulationTrack? mouths = null)
    {
        using TalkingHead head = new(Identity, Options.Width, Options.Height);
        FramePool pool = new(Options.Width * Options.Height * 3, 4);
        for (int i = 0; i < FrameCount; i++)
        {
            byte[] rgb = pool.Rent();
            MouthShape mouth = (mouths ?? Articulation).At(SecondsAt(i));
            HeadLandmarks landmarks = head.Draw(_gestures.At(SecondsAt(i)), mouth, rgb);
            yield return new SyntheticFrame(new VideoFrame(Options.Width, Options.Height, rgb, i, pool), landmarks, mouth);
        }
    }

    private static void Check(string name, double value, double low, double high)
    {
        if (!(value >= low && value <= high))
        {
            throw new ArgumentOutOfRangeException(
                name,
                value,
                FormattableString.Invariant($"A clip's {name} must be from {low} to {high}.")
            );
        }
    }
}
