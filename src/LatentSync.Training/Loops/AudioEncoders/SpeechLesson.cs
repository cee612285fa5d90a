using LatentSync.Media.Audio;
using LatentSync.Media.Synthesis.Numbers;
using LatentSync.Media.Synthesis.Voices;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops.AudioEncoders;

/// <summary>One synthesised utterance as the speech encoder learns from it: its log-mel spectrogram, and what the mouth does at each
/// row.</summary>
/// <param name="LogMel">(80, T) row-major, 100 frames per second.</param>
/// <param name="Frames">T.</param>
/// <param name="Shapes">(T / 2, 6) row-major, at 50 rows per second: opening, width, rounding, teeth, tongue, tuck.</param>
/// <param name="Phones">(T / 2): index of the phone.</param>
internal sealed record SpeechLesson(float[] LogMel, int Frames, float[] Shapes, long[] Phones)
{
    /// <summary>Parameters of a mouth's shape.</summary>
    public const int ShapeSize = 6;

    private const int SampleRate = 16000;
    private const double RowsPerSecond = 50;

    /// <summary>Rows that have a target.</summary>
    public int Rows => Frames / 2;

    /// <summary>Speaks an utterance: sentence, voice, length and loudness follow from the seed.</summary>
    public static SpeechLesson Synthesize(long seed, double shortest, double longest)
    {
        SeededRandom random = new(seed, 901);
        double seconds = shortest + (longest - shortest) * random.NextDouble();
        double gain = Math.Pow(10, random.Range(-18, 3) / 20);
        Utterance utterance = Utterance.Generate(seed, seconds, VoiceProfile.FromSeed(seed));
        float[] speech = SpeechSynthesizer.Synthesize(utterance, SampleRate, seed);
        for (int i = 0; i < speech.Length; i++)
        {
            speech[i] = (float)Math.Clamp(speech[i] * gain, -1, 1);
        }
        LogMel mel = LogMelSpectrogram.Compute(speech);
        ArticulationTrack track = new(utterance);
        int rows = mel.Frames / 2;
        var shapes = new float[rows * ShapeSize];
        var phones = new long[rows];
        for (int i = 0; i < rows; i++)
        {
            // Row i of the encoder is centred on mel frame 2i, which is centred on 20 i milliseconds.
            double at = i / RowsPerSecond;
            MouthShape shape = track.At(at);
            ReadOnlySpan<double> values = [shape.Opening, shape.Width, shape.Rounding, shape.Teeth, shape.Tongue, shape.Tuck];
            for (int k = 0; k < ShapeSize; k++)
            {
                shapes[i * ShapeSize + k] = (float)values[k];
            }
            phones[i] = (long)utterance.Segments[utterance.IndexAt(at)].Phone;
        }
        return new SpeechLesson(mel.Values, mel.Frames, shapes, phones);
    }

    /// <summary>(80, T), (T/2, 6) and (T/2) as tensors on a device.</summary>
    public (Tensor LogMel, Tensor Shapes, Tensor Phones) ToTensors(Device device) =>
        (
            tensor(LogMel, [LogMel.Length / Frames, Frames], device: device),
            tensor(Shapes, [Rows, ShapeSize], device: device),
            tensor(Phones, device: device)
        );
}
