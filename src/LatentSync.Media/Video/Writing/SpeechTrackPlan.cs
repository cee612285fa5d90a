using System.Globalization;
using LatentSync.Media.Video.Probing;

namespace LatentSync.Media.Video.Writing;

/// <summary>How a speech file becomes the audio track of a result: untouched where the container allows it, else encoded well.</summary>
/// <param name="Codec">Codec of the result.</param>
/// <param name="IsCopy">True: packets are taken over bit for bit.</param>
/// <param name="Arguments">ffmpeg's output arguments, for the first sound track.</param>
internal sealed record SpeechTrackPlan(string Codec, bool IsCopy, IReadOnlyList<string> Arguments)
{
    private const int MaximumAacChannels = 8;
    private static readonly int[] AacSampleRates =
    [
        7350,
        8000,
        11025,
        12000,
        16000,
        22050,
        24000,
        32000,
        44100,
        48000,
        64000,
        88200,
        96000,
    ];
    private static readonly string[] LosslessCodecs = ["flac", "alac", "wavpack", "tta", "ape", "tak", "truehd", "mlp", "shorten"];

    /// <summary>Plans the track.</summary>
    /// <param name="audio">The speech.</param>
    /// <param name="container">The container of the result.</param>
    /// <param name="seconds">Length of the result: encoded speech is cut or filled with silence to it, to the sample.</param>
    public static SpeechTrackPlan For(AudioStreamInfo audio, OutputContainer container, double seconds)
    {
        if (container.CopiedAudio.Contains(audio.Codec))
        {
            return new SpeechTrackPlan(audio.Codec, true, ["-c:a:0", "copy"]);
        }

        bool lossless = audio.Codec.StartsWith("pcm_", StringComparison.Ordinal) || LosslessCodecs.Contains(audio.Codec);
        if (lossless && container.LosslessEncoder is { } encoder && audio.Channels <= MaximumAacChannels)
        {
            return new SpeechTrackPlan(
                encoder,
                false,
                ["-filter:a:0", Fit(audio.SampleRate, audio.SampleRate, seconds), "-c:a:0", encoder]
            );
        }

        int rate = AacSampleRates.FirstOrDefault(r => r >= audio.SampleRate, AacSampleRates[^1]);
        int channels = audio.Channels <= MaximumAacChannels ? audio.Channels : 2;
        List<string> arguments =
        [
            "-filter:a:0",
            Fit(audio.SampleRate, rate, seconds),
            "-c:a:0",
            "aac",
            "-b:a:0",
            Text(AacBitRate(rate, channels)),
            "-ar:a:0",
            Text(rate),
        ];
        return new SpeechTrackPlan("aac", false, channels == audio.Channels ? arguments : [.. arguments, "-ac:a:0", Text(channels)]);
    }

    /// <summary>128 kbit/s a channel, 256 for stereo, below AAC's limit of 6 bits a sample.</summary>
    internal static int AacBitRate(int sampleRate, int channels) => (int)Math.Min(128_000L * channels, 6L * sampleRate * channels);

    /// <summary>Exactly the wanted number of samples.</summary>
    private static string Fit(int inputRate, int outputRate, double seconds)
    {
        long samples = Math.Max(1, (long)Math.Round(seconds * outputRate));
        string resample = inputRate == outputRate ? string.Empty : $"aresample={Text(outputRate)},";
        return string.Create(CultureInfo.InvariantCulture, $"{resample}apad=whole_len={samples},atrim=end_sample={samples}");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
