using LatentSync.Foundation.Wording;
using LatentSync.Media;
using LatentSync.Media.Audio;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Run;

/// <summary>The speech of a run: its samples for analysis. The result's sound track is taken from the file itself.</summary>
/// <param name="Path">The file.</param>
/// <param name="Samples">Mono, 16 kHz, in [-1, 1]; cut to the preview's length. Sample 0 belongs to the result's first moment.</param>
/// <param name="Timeline">Where it lies beside the picture of the same file; null when it comes from another file.</param>
/// <param name="Warnings">What is wrong with the file.</param>
/// <param name="Notes">What was chosen in it: one channel in place of the mix.</param>
internal sealed record Speech(
    string Path,
    ReadOnlyMemory<float> Samples,
    MediaTimeline? Timeline,
    IReadOnlyList<string> Warnings,
    IReadOnlyList<string> Notes
)
{
    private const double SpareSeconds = 1;
    private const double LongestPreview = 1e6; // above every recording that is read

    /// <summary>Length in seconds.</summary>
    public double Seconds => Samples.Length / (double)LogMelSpectrogram.SampleRate;

    /// <summary>Reads the speech that the options name.</summary>
    /// <param name="options">The run's options.</param>
    /// <param name="source">What was found out about its files.</param>
    /// <param name="tools">ffmpeg to use.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="MediaException">The file is missing, damaged, silent of tracks, or too short to have a single feature.</exception>
    public static async Task<Speech> ReadAsync(
        SyncOptions options,
        MediaSource source,
        FfmpegTools tools,
        CancellationToken cancellationToken
    )
    {
        // A preview of an hour's speech decodes its own seconds; a little more, so that the resampler's end is not heard in them.
        TimeSpan? take =
            options.PreviewSeconds is { } preview && preview < LongestPreview ? TimeSpan.FromSeconds(preview + SpareSeconds) : null;
        (float[] samples, IReadOnlyList<string> warnings, IReadOnlyList<string> notes) = await AudioReader.ReadAsync(
            source.Sound,
            tools,
            timeline: source.Timeline,
            take: take,
            cancellationToken: cancellationToken
        );
        int count = options.PreviewSeconds is { } seconds
            ? (int)Math.Min(samples.Length, Math.Ceiling(seconds * LogMelSpectrogram.SampleRate))
            : samples.Length;
        // Two columns of the spectrogram make one feature row.
        int least = Math.Max(LogMelSpectrogram.MinimumSamples, 2 * LogMelSpectrogram.HopLength);
        if (count < least)
        {
            throw new MediaException(
                MediaFault.TooShort,
                $"The speech {PrintableText.Quote(options.AudioPath)} has {count} samples at 16 kHz; at least {least} ({1000 * least / LogMelSpectrogram.SampleRate} ms) are needed: give a longer recording.",
                options.AudioPath
            );
        }
        return new Speech(options.AudioPath, samples.AsMemory(0, count), source.Timeline, warnings, notes);
    }
}
