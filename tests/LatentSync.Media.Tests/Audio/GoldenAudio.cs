using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using LatentSync.Testing;

namespace LatentSync.Media.Tests.Audio;

/// <summary>The golden clips and the log-mel spectrograms that the original computed from them.</summary>
internal static class GoldenAudio
{
    private static readonly string Golden = Path.Combine(RepositoryRoot.Find(), "tests", "Data", "golden");

    public static string WavPath(string clip) => Path.Combine(Golden, "audio", clip + ".wav");

    /// <summary>Samples of a 16-bit mono WAV whose data chunk starts at byte 44, divided by 32768.</summary>
    public static float[] ReadWav(string clip)
    {
        byte[] file = File.ReadAllBytes(WavPath(clip));
        Assert.Equal("data"u8.ToArray(), file[36..40]);
        ReadOnlySpan<short> samples = MemoryMarshal.Cast<byte, short>(file.AsSpan(44));
        var result = new float[samples.Length];
        for (int i = 0; i < result.Length; i++)
        {
            result[i] = samples[i] / 32768f;
        }

        return result;
    }

    public static (float[] Values, int[] Shape) ReadTensor(string name, string fixture = "whisper")
    {
        byte[] file = File.ReadAllBytes(Path.Combine(Golden, fixture, "io.safetensors"));
        int headerLength = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        using var header = JsonDocument.Parse(file.AsMemory(8, headerLength));
        JsonElement entry = header.RootElement.GetProperty(name);
        Assert.Equal("F32", entry.GetProperty("dtype").GetString());
        int start = 8 + headerLength + entry.GetProperty("data_offsets")[0].GetInt32();
        int end = 8 + headerLength + entry.GetProperty("data_offsets")[1].GetInt32();
        int[] shape = [.. entry.GetProperty("shape").EnumerateArray().Select(e => e.GetInt32())];
        return (MemoryMarshal.Cast<byte, float>(file.AsSpan(start, end - start)).ToArray(), shape);
    }

    public static double LogMelTolerance() => Tolerance("log_mel", "whisper");

    public static double Tolerance(string name, string fixture)
    {
        using var manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Golden, fixture, "manifest.json")));
        return manifest.RootElement.GetProperty("tolerances").GetProperty(name).GetProperty("atol").GetDouble();
    }
}
