using LatentSync.Media;
using LatentSync.Media.Audio;
using LatentSync.Media.Video;

namespace LatentSync.Pipelines;

/// <summary>The speech of a run: its samples for analysis. The result's sound track is taken from the file itself.</summary>
/// <param name="Path">The file.</param>
/// <param name="Samples">Mono, 16 kHz, in [-1, 1]; cut to the preview's length.</param>
internal sealed record Speech(string Path, ReadOnlyMemory<float> Samples)
{
    /// <summary>Length in seconds.</summary>
    public double Seconds => Samples.Length / (double)LogMelSpectrogram.SampleRate;

    /// <summary>Reads the speech that the options name.</summary>
    /// <exception cref="MediaException">The file is missing, damaged, silent of tracks, or too short to have a single feature.</exception>
    public static async Task<Speech> ReadAsync(SyncOptions options, FfmpegTools tools, CancellationToken cancellationToken)
    {
        float[] samples = await AudioReader.ReadMonoAsync(options.AudioPath, tools, cancellationToken: cancellationToken);
        int count = options.PreviewSeconds is { } seconds ? (int)Math.Min(samples.Length, Math.Ceiling(seconds * LogMelSpectrogram.SampleRate)) : samples.Length;
        // Two columns of the spectrogram make one feature row.
        int least = Math.Max(LogMelSpectrogram.MinimumSamples, 2 * LogMelSpectrogram.HopLength);
        if (count < least)
        {
            throw new MediaException(
                MediaFault.TooShort,
                $"The speech {options.AudioPath} has {count} samples at 16 kHz; at least {least} ({1000 * least / LogMelSpectrogram.SampleRate} ms) are required: give a longer recording.",
                options.AudioPath
            );
        }
        return new Speech(options.AudioPath, samples.AsMemory(0, count));
    }
}
