using System.Globalization;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Problems;

/// <summary>Where the tensors of a problem live.</summary>
public enum AttentionDeviceKind
{
    /// <summary>Main memory.</summary>
    Cpu,

    /// <summary>An NVIDIA GPU (or an AMD one through ROCm, which libtorch names the same).</summary>
    Cuda,

    /// <summary>An Apple GPU.</summary>
    Mps,

    /// <summary>A device that this library has no rules for.</summary>
    Other,
}

/// <summary>A device: its kind and, for GPUs, its index in <c>Machine.Gpus</c>.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Index">Index from 0; 0 for the CPU.</param>
public readonly record struct AttentionDevice(AttentionDeviceKind Kind, int Index)
{
    /// <summary>Main memory.</summary>
    public static AttentionDevice Cpu => default;

    /// <summary>A CUDA device.</summary>
    /// <param name="index">Index from 0.</param>
    public static AttentionDevice Cuda(int index = 0) => new(AttentionDeviceKind.Cuda, index);

    /// <summary>"cpu", "cuda:0", "mps" or "other".</summary>
    public override string ToString() =>
        Kind switch
        {
            AttentionDeviceKind.Cpu => "cpu",
            AttentionDeviceKind.Cuda => string.Create(CultureInfo.InvariantCulture, $"cuda:{Index}"),
            AttentionDeviceKind.Mps => "mps",
            _ => "other",
        };

    /// <summary>Reads "cpu", "cuda", "cuda:1" or "mps".</summary>
    /// <param name="text">The device.</param>
    /// <exception cref="FormatException">The text is none of these.</exception>
    public static AttentionDevice Parse(string text)
    {
        if (
            text.StartsWith("cuda:", StringComparison.Ordinal)
            && int.TryParse(text.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out int index)
        )
        {
            return Cuda(index);
        }
        return text switch
        {
            "cpu" => Cpu,
            "cuda" => Cuda(),
            "mps" => new AttentionDevice(AttentionDeviceKind.Mps, 0),
            _ => throw new FormatException(Sentence.Say($"\"{text}\" is not a device; use cpu, cuda, cuda:N or mps.")),
        };
    }
}
