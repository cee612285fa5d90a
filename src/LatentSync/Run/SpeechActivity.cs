using LatentSync.Chunks;

namespace LatentSync.Run;

/// <summary>How much each network frame belongs to speech rather than to a pause: 1 in speech, 0 in a pause, ramps between.</summary>
/// <remarks>
/// Energy per 40 ms frame against a threshold 35 dB below the loud parts (95th percentile), at least -60 dBFS. A pause shorter than
/// <see cref="ShortestPauseFrames"/> counts as speech; transitions are linear over <see cref="RampFrames"/> frames inside the pause.
/// </remarks>
internal static class SpeechActivity
{
    /// <summary>Pauses shorter than this many frames (25 per second) are left to the network.</summary>
    public const int ShortestPauseFrames = 10;

    /// <summary>Frames of each fade.</summary>
    public const int RampFrames = 4;

    private const double BelowLoudDecibels = 35;
    private const double FloorDecibels = -60;

    /// <summary>Weights per network frame.</summary>
    /// <param name="samples">Mono samples in [-1, 1].</param>
    /// <param name="sampleRate">Samples per second.</param>
    /// <param name="frames">Number of network frames (25 per second).</param>
    /// <returns>One weight in [0, 1] per frame.</returns>
    public static float[] Weights(ReadOnlySpan<float> samples, int sampleRate, int frames)
    {
        double[] level = new double[frames];
        double perFrame = sampleRate / FrameClock.NetworkRate;
        for (int f = 0; f < frames; f++)
        {
            int start = Math.Min((int)(f * perFrame), samples.Length);
            int end = Math.Min((int)((f + 1) * perFrame), samples.Length);
            double sum = 0;
            foreach (float s in samples[start..end])
            {
                sum += (double)s * s;
            }
            level[f] = 10 * Math.Log10(Math.Max(end > start ? sum / (end - start) : 0, 1e-12));
        }
        double[] sorted = [.. level.Order()];
        double loud = sorted[(int)(0.95 * (sorted.Length - 1))];
        double threshold = Math.Max(loud - BelowLoudDecibels, FloorDecibels);
        float[] weights = new float[frames];
        for (int start = 0; start < frames; )
        {
            int end = start;
            bool silent = level[start] < threshold;
            while (end < frames && level[end] < threshold == silent)
            {
                end++;
            }
            for (int f = start; f < end; f++)
            {
                weights[f] = silent && end - start >= ShortestPauseFrames ? PauseWeight(f, start, end, frames) : 1f;
            }
            start = end;
        }
        return weights;
    }

    // The fade lies inside the pause, and there is none at the ends of the clip.
    private static float PauseWeight(int frame, int start, int end, int frames)
    {
        int fromStart = start == 0 ? int.MaxValue : frame - start + 1;
        int fromEnd = end == frames ? int.MaxValue : end - frame;
        int distance = Math.Min(fromStart, fromEnd);
        return distance > RampFrames ? 0f : 1f - (distance / (RampFrames + 1f));
    }
}
