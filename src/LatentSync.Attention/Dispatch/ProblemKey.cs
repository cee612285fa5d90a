using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Dispatch;

/// <summary>Cheap hashing and comparing of problems, which are structs of two hundred bytes: a few multiplications instead of one per
/// member, and bytes before members.</summary>
internal sealed class ProblemKey : IEqualityComparer<AttentionProblem>
{
    internal static ProblemKey Comparer { get; } = new();

    /// <summary>Mixes the members in which the problems of a program differ; others are left to <see cref="AreEqual"/>.</summary>
    internal static int Hash(in AttentionProblem problem)
    {
        ulong sizes = (ulong)(uint)problem.Batch * 0x9E3779B97F4A7C15 + (uint)problem.QueryLength;
        sizes = (sizes ^ sizes >> 29) * 0xBF58476D1CE4E5B9 + (uint)problem.KeyLength;
        sizes = (sizes ^ sizes >> 32) * 0x94D049BB133111EB + ((ulong)(uint)problem.HeadCount << 32 | (uint)problem.HeadDim);
        uint kinds =
            (uint)problem.DType
            | (uint)problem.Device.Kind << 4
            | (uint)problem.Device.Index << 8
            | (uint)problem.Mask.Kind << 16
            | (uint)problem.QueryLayout << 20
            | (problem.IsCausal ? 1u << 24 : 0)
            | (problem.NeedsGradient ? 1u << 25 : 0);
        sizes = (sizes ^ sizes >> 31) * 0x9E3779B97F4A7C15 + kinds + ((ulong)(uint)problem.KvHeadCount << 32);
        return (int)(sizes ^ sizes >> 32);
    }

    /// <summary>Equal bytes are equal problems; different bytes may still be (padding, a negative zero), so that the members
    /// decide.</summary>
    internal static bool AreEqual(in AttentionProblem left, in AttentionProblem right) =>
        !RuntimeHelpers.IsReferenceOrContainsReferences<AttentionProblem>() && BytesOf(left).SequenceEqual(BytesOf(right))
        || left.Equals(right);

    public bool Equals(AttentionProblem x, AttentionProblem y) => AreEqual(x, y);

    public int GetHashCode(AttentionProblem obj) => Hash(obj);

    private static ReadOnlySpan<byte> BytesOf(in AttentionProblem problem) =>
        MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(in problem, 1));
}
