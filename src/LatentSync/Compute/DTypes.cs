using LatentSync.Foundation.Options;
using static TorchSharp.torch;

namespace LatentSync.Compute;

/// <summary>The element types that networks can compute in.</summary>
public static class DTypes
{
    /// <summary>What an option for them says.</summary>
    public const string Help = "auto, f32, f16 or bf16; on CPUs without instructions for them, f16 and bf16 are slower than f32";

    /// <summary>The names; null is chosen by the device.</summary>
    public static IReadOnlyList<Choice<ScalarType?>> All { get; } =
    [
        new("auto", "what suits the device", null),
        new("f32", "float32: exact", ScalarType.Float32),
        new("f16", "float16: half the memory; fast on GPUs", ScalarType.Float16),
        new("bf16", "bfloat16: half the memory; fast on newer processors and GPUs", ScalarType.BFloat16),
    ];
}
