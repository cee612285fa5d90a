using System.Buffers.Binary;
using LatentSync.Foundation.Files;

namespace LatentSync.Lab.Parity;

/// <summary>Reads the sound clips of fixtures: RIFF/WAVE, mono, 16 kHz, 16-bit PCM, without ffmpeg.</summary>
internal static class ParityWave
{
    private const int MaximumBytes = 1 << 30;
    private const int SampleRate = 16000;

    /// <summary>Samples of a clip, value / 32768.</summary>
    /// <exception cref="ParityException">The file is missing, damaged or of another format.</exception>
    public static float[] Read(string path)
    {
        ReadOnlySpan<byte> bytes = ReadFile(path);
        if (bytes.Length < 12 || !bytes[..4].SequenceEqual("RIFF"u8) || !bytes.Slice(8, 4).SequenceEqual("WAVE"u8))
        {
            throw new ParityException($"{path} is no RIFF/WAVE file.");
        }
        bool hasFormat = false;
        int at = 12;
        while (at + 8 <= bytes.Length)
        {
            ReadOnlySpan<byte> name = bytes.Slice(at, 4);
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(at + 4)..]);
            at += 8;
            if (size > bytes.Length - at)
            {
                throw new ParityException($"{path} is cut short: a chunk of {size} bytes has only {bytes.Length - at}.");
            }
            ReadOnlySpan<byte> body = bytes.Slice(at, (int)size);
            if (name.SequenceEqual("fmt "u8))
            {
                hasFormat = IsExpectedFormat(body) ? true : throw new ParityException($"{path} is not mono 16-bit PCM at {SampleRate} Hz.");
            }
            else if (name.SequenceEqual("data"u8) && hasFormat)
            {
                return ToFloat(body);
            }
            at += (int)size + (int)(size & 1); // chunks are padded to even lengths
        }
        throw new ParityException($"{path} has no sound data.");
    }

    private static byte[] ReadFile(string path)
    {
        try
        {
            return InputFile.ReadAllBytes(path, MaximumBytes);
        }
        catch (InputFileException exception)
        {
            throw new ParityException($"{path} {exception.Problem}; the fixture needs it.", exception);
        }
    }

    /// <summary>WAVEFORMAT: tag 1 (PCM), channels, sample rate, bytes per second, block size, bits per sample.</summary>
    private static bool IsExpectedFormat(ReadOnlySpan<byte> format) =>
        format.Length >= 16
        && BinaryPrimitives.ReadUInt16LittleEndian(format) == 1
        && BinaryPrimitives.ReadUInt16LittleEndian(format[2..]) == 1
        && BinaryPrimitives.ReadUInt32LittleEndian(format[4..]) == SampleRate
        && BinaryPrimitives.ReadUInt16LittleEndian(format[14..]) == 16;

    private static float[] ToFloat(ReadOnlySpan<byte> pcm)
    {
        var samples = new float[pcm.Length / 2];
        for (int i = 0; i < samples.Length; i++)
        {
            samples[i] = BinaryPrimitives.ReadInt16LittleEndian(pcm[(2 * i)..]) / 32768f;
        }
        return samples;
    }
}
