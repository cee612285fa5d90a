using LatentSync.Foundation.Options;
using static TorchSharp.torch;

namespace LatentSync.Compute;

/// <summary>The element types that networks can compute in.</summary>
public static class DTypes
{
    /// <summary>The names; null is chosen by the device.</summary>
    public static IReadOnlyList<Choice<ScalarType?>> All { get; } =
    [
        new("auto", "what suits the device", null),
        new("f32", "float32: exact", ScalarType.Float32),
        new("f16", "float16: half the memory; fast on GPUs", ScalarType.Float16),
        new("bf16", "bfloat16: half the memory; fast on newer processors and GPUs", ScalarType.BFloat16),
    ];
}
