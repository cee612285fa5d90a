using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Problems;

/// <summary>Element type of query, key and value.</summary>
public enum AttentionDType
{
    /// <summary>IEEE 754 binary16, "f16".</summary>
    Float16,

    /// <summary>bfloat16, "bf16".</summary>
    BFloat16,

    /// <summary>IEEE 754 binary32, "f32".</summary>
    Float32,

    /// <summary>IEEE 754 binary64, "f64".</summary>
    Float64,
}

/// <summary>Sizes and names of <see cref="AttentionDType"/>.</summary>
public static class AttentionDTypes
{
    /// <summary>Bytes of one element in memory.</summary>
    /// <param name="type">The element type.</param>
    public static int Size(this AttentionDType type) =>
        type switch
        {
            AttentionDType.Float64 => 8,
            AttentionDType.Float32 => 4,
            _ => 2,
        };

    /// <summary>Bytes of one element in which scores are computed: half types are widened to float32.</summary>
    /// <param name="type">The element type of the operands.</param>
    public static int ComputeSize(this AttentionDType type) => type == AttentionDType.Float64 ? 8 : 4;

    /// <summary>The command line's short name: f16, bf16, f32, f64.</summary>
    /// <param name="type">The element type.</param>
    public static string ShortName(this AttentionDType type) =>
        type switch
        {
            AttentionDType.Float16 => "f16",
            AttentionDType.BFloat16 => "bf16",
            AttentionDType.Float32 => "f32",
            _ => "f64",
        };

    /// <summary>The name in messages: float16, bfloat16, float32, float64.</summary>
    /// <param name="type">The element type.</param>
    public static string LongName(this AttentionDType type) =>
        type switch
        {
            AttentionDType.Float16 => "float16",
            AttentionDType.BFloat16 => "bfloat16",
            AttentionDType.Float32 => "float32",
            _ => "float64",
        };

    /// <summary>Reads a short or long name.</summary>
    /// <param name="text">"f16", "float16", "half", "bf16", "bfloat16", "f32", "float32", "f64" or "float64".</param>
    /// <exception cref="FormatException">The name is none of these.</exception>
    public static AttentionDType Parse(string text) =>
        text switch
        {
            "f16" or "float16" or "half" => AttentionDType.Float16,
            "bf16" or "bfloat16" => AttentionDType.BFloat16,
            "f32" or "float32" => AttentionDType.Float32,
            "f64" or "float64" => AttentionDType.Float64,
            _ => throw new FormatException(Sentence.Say($"\"{text}\" is not an element type of attention; use f16, bf16, f32 or f64.")),
        };
}
