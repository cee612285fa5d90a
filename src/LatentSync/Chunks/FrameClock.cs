using LatentSync.Foundation.Wording;

namespace LatentSync.Chunks;

/// <summary>
/// Maps the frames of the result, which keep the video's own rate, to the network's frames, which always come 25 per second,
/// since the network was trained at that rate.
/// </summary>
/// <remarks>
/// Network frame k shows the moment k/25 s. It sees the output frame nearest to that moment; every output frame shows the mouth of
/// the network frame nearest to its own moment, pasted with the output frame's own alignment. At 25 fps both maps are the identity.
/// </remarks>
internal sealed class FrameClock
{
    /// <summary>Frames per second of the network (LatentSync's video_fps).</summary>
    public const double NetworkRate = 25.0;

    // Containers state 25 fps in several ways (25/1, 12800/512, 24.999...): closer than this is 25.
    private const double SameRate = 0.005;

    private readonly double _ratio;

    /// <summary>Creates the map for one run.</summary>
    /// <param name="frameRate">Rate of the result in frames per second; finite, above 0.</param>
    /// <param name="speechSeconds">Length of the speech in seconds; above 0. The result is as long: ceil(seconds · rate) frames.</param>
    /// <exception cref="ArgumentOutOfRangeException">A rate or a length that is not positive and finite.</exception>
    public FrameClock(double frameRate, double speechSeconds)
    {
        if (!double.IsFinite(frameRate) || frameRate <= 0)
        {
            throw new ArgumentOutOfRangeException(nameof(frameRate), frameRate, "The frame rate must be positive.");
        }
        if (!double.IsFinite(speechSeconds) || speechSeconds <= 0)
        {
            throw new ArgumentOutOfRangeException(nameof(speechSeconds), speechSeconds, "The speech must be longer than 0 seconds.");
        }
        FrameRate = frameRate;
        _ratio = Math.Abs(frameRate - NetworkRate) < SameRate ? 1.0 : frameRate / NetworkRate;
        NetworkFrames = CountFrames(speechSeconds, NetworkRate);
        OutputFrames = _ratio == 1.0 ? NetworkFrames : CountFrames(speechSeconds, frameRate);
    }

    /// <summary>Rate of the result in frames per second.</summary>
    public double FrameRate { get; }

    /// <summary>Frames of the result.</summary>
    public int OutputFrames { get; }

    /// <summary>Frames the network generates.</summary>
    public int NetworkFrames { get; }

    /// <summary>The map in one sentence, for the report.</summary>
    public string Description =>
        _ratio == 1.0
            ? Sentence.Say("25 fps: every frame goes through the network")
            : Sentence.Say(
                $"{FrameRate:0.###} fps kept; the network runs at 25 fps, and every frame takes the mouth of the nearest network frame"
            );

    /// <summary>The output frame that a network frame sees: the nearest in time.</summary>
    /// <param name="networkFrame">Index from 0.</param>
    public int OutputFrameOf(int networkFrame) => Math.Clamp(Nearest(networkFrame * _ratio), 0, OutputFrames - 1);

    /// <summary>The network frame whose mouth an output frame shows: the nearest in time.</summary>
    /// <param name="outputFrame">Index from 0.</param>
    public int NetworkFrameOf(int outputFrame) => Math.Clamp(Nearest(outputFrame / _ratio), 0, NetworkFrames - 1);

    // A rounding error of the length (0.5 s of 44.1 kHz samples resampled to 16 kHz) must not add a frame.
    private static int CountFrames(double seconds, double rate) => Math.Max(1, checked((int)Math.Ceiling((seconds * rate) - 1e-6)));

    private static int Nearest(double position) => (int)Math.Floor(position + 0.5);
}
