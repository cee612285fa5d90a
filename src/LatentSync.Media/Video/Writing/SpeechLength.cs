using LatentSync.Foundation.Wording;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Video.Writing;

/// <summary>Compares the speech in a finished file with what was found before: the picture was made for all of it, and lips must not move
/// over silence.</summary>
internal static class SpeechLength
{
    /// <summary>Seconds by which compressed sound may seem shorter: a packet, and what its codec puts before and after it.</summary>
    private const double Packet = 0.15;

    /// <summary>Seconds by which sound that is stored sample by sample may seem shorter: resampling rounds.</summary>
    private const double Rounding = 0.02;

    /// <summary>Compares.</summary>
    /// <param name="audio">The speech's file.</param>
    /// <param name="required">End of the speech in seconds, as it was found before or as far as the picture goes; null: not known.</param>
    /// <param name="end">End of the sound in the result; null: not known.</param>
    /// <returns>A sentence where a little is missing; null where nothing is.</returns>
    /// <exception cref="MediaException">Much is missing.</exception>
    public static string? Compare(MediaInfo audio, double? required, double? end)
    {
        bool isExact = audio.RequireAudio().Codec.StartsWith("pcm_", StringComparison.Ordinal);
        if (!(end < required - (isExact ? Rounding : Packet)))
        {
            return null;
        }

        Sentence lasted =
            $"The speech {MediaFile.Show(audio.Path)} had {required:0.0##} s at the start, but only {end:0.0##} s when it was added to the result";
        return end < required - TruncationCheck.Slack(required ?? 0)
            ? throw new MediaException(
                MediaFault.Corrupt,
                $"{lasted}: the file changed during the run. The result was discarded; run again when the file is complete.",
                audio.Path
            )
            : Sentence.Say($"{lasted}: the file changed during the run, and at the end the lips move without sound.");
    }
}
