namespace LatentSync.Media.Audio;

/// <summary>What the front ends of the SyncNets do with samples first.</summary>
internal static class SpeechSamples
{
    /// <summary>y[n] = scale · (x[n] - factor · x[n-1]), x[-1] = 0, in float64.</summary>
    /// <exception cref="MediaException">There is no sample, or one that is no finite number.</exception>
    public static double[] Emphasise(ReadOnlySpan<float> samples, double factor, double scale)
    {
        if (samples.IsEmpty)
        {
            throw new MediaException(
                MediaFault.TooShort,
                "The audio has no samples, but its analysis needs at least one: give a longer recording."
            );
        }
        var emphasised = new double[samples.Length];
        double before = 0;
        for (int n = 0; n < samples.Length; n++)
        {
            double sample = samples[n];
            if (!double.IsFinite(sample))
            {
                throw new MediaException(
                    MediaFault.OutOfBounds,
                    $"Sample {n} of the audio is {sample}, but every sample must be a finite number: the recording is damaged."
                );
            }
            emphasised[n] = scale * (sample - (factor * before));
            before = sample;
        }
        return emphasised;
    }
}
