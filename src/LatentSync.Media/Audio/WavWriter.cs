using System.Buffers.Binary;
using LatentSync.Foundation.Files;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Audio;

/// <summary>Writes WAV files.</summary>
public static class WavWriter
{
    private const int HeaderBytes = 44;
    private const int BlockSamples = 8192;

    /// <summary>Writes a file; it appears complete or not at all.</summary>
    /// <param name="path">File to write; replaced when the new one is complete.</param>
    /// <param name="samples">Interleaved samples, nominally -1..1; a multiple of <paramref name="channels"/>.</param>
    /// <param name="sampleRate">Hz, at least 1.</param>
    /// <param name="channels">1..256. Default 1.</param>
    /// <param name="format">Default 16-bit integers.</param>
    /// <exception cref="MediaException"><see cref="MediaFault.OutputFolder"/>, <see cref="MediaFault.DiskFull"/>; <see
    /// cref="MediaFault.OutOfBounds"/>: more than the 4 GiB that the format can describe.</exception>
    public static void Write(
        string path,
        ReadOnlySpan<float> samples,
        int sampleRate,
        int channels = 1,
        WavSampleFormat format = WavSampleFormat.Pcm16
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sampleRate, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(channels, 256);
        if (samples.Length % channels != 0)
        {
            throw new ArgumentException($"{samples.Length} samples are no whole number of {channels}-channel frames.", nameof(samples));
        }

        int bytesPerSample = format == WavSampleFormat.Pcm16 ? sizeof(short) : sizeof(float);
        long dataBytes = (long)samples.Length * bytesPerSample;
        if (dataBytes > uint.MaxValue - HeaderBytes)
        {
            throw new MediaException(
                MediaFault.OutOfBounds,
                $"{dataBytes} bytes of samples do not fit into a WAV file (4 GiB): write shorter pieces.",
                path
            );
        }

        using PartialFile file = MediaOutput.Begin(path);
        try
        {
            using FileStream stream = file.Open();
            stream.Write(Header((uint)dataBytes, sampleRate, channels, bytesPerSample, format));
            var block = new byte[BlockSamples * bytesPerSample];
            for (int start = 0; start < samples.Length; start += BlockSamples)
            {
                ReadOnlySpan<float> part = samples.Slice(start, Math.Min(BlockSamples, samples.Length - start));
                Encode(part, block, format);
                stream.Write(block, 0, part.Length * bytesPerSample);
            }
        }
        catch (IOException e)
        {
            throw MediaOutput.Failure(e, path);
        }

        MediaOutput.Publish(file, path);
    }

    private static void Encode(ReadOnlySpan<float> samples, Span<byte> target, WavSampleFormat format)
    {
        for (int i = 0; i < samples.Length; i++)
        {
            if (format == WavSampleFormat.Pcm16)
            {
                float scaled = MathF.Round(samples[i] * 32768f);
                BinaryPrimitives.WriteInt16LittleEndian(target[(2 * i)..], (short)Math.Clamp(scaled, short.MinValue, short.MaxValue));
            }
            else
            {
                BinaryPrimitives.WriteSingleLittleEndian(target[(4 * i)..], samples[i]);
            }
        }
    }

    private static byte[] Header(uint dataBytes, int sampleRate, int channels, int bytesPerSample, WavSampleFormat format)
    {
        var header = new byte[HeaderBytes];
        "RIFF"u8.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(4), dataBytes + HeaderBytes - 8);
        "WAVEfmt "u8.CopyTo(header.AsSpan(8));
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(16), 16);
        BinaryPrimitives.WriteInt16LittleEndian(header.AsSpan(20), (short)(format == WavSampleFormat.Pcm16 ? 1 : 3));
        BinaryPrimitives.WriteInt16LittleEndian(header.AsSpan(22), (short)channels);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(24), sampleRate);
        BinaryPrimitives.WriteUInt32LittleEndian(
            header.AsSpan(28),
            (uint)Math.Min(uint.MaxValue, (long)sampleRate * channels * bytesPerSample)
        );
        BinaryPrimitives.WriteInt16LittleEndian(header.AsSpan(32), (short)(channels * bytesPerSample));
        BinaryPrimitives.WriteInt16LittleEndian(header.AsSpan(34), (short)(8 * bytesPerSample));
        "data"u8.CopyTo(header.AsSpan(36));
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(40), dataBytes);
        return header;
    }
}
