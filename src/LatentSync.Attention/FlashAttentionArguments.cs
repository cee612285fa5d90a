using System.Numerics.Tensors;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention;

/// <summary>Operands and options of one call of <see cref="FlashAttention.Forward{T}(in FlashAttentionArguments{T})"/>, and of
/// <see cref="FlashAttention.Backward{T}"/> after it. What is left out is not used.</summary>
/// <remarks>
/// Sizes: B sequences, H query heads, Hkv key heads, Lq queries, Lk keys, D elements of a query or key, Dv elements of a value. All tensors
/// are read and written where they lie, whatever their strides: for (B, L, H, D) in memory, say the strides of (B, H, L, D). Nothing may
/// change them during the call.
/// <para>Three ways for sequences to have lengths of their own: <b>packed</b>, one after the other (<see cref="QueryStarts"/>,
/// <see cref="KeyStarts"/>); <b>padded</b>, each with room for Lk keys of which some are in use (<see cref="KeyLengths"/>); <b>paged</b>,
/// the keys in pages anywhere (<see cref="PageTable"/>). Lq and Lk are then the longest sequence's or the room.</para>
/// </remarks>
/// <typeparam name="T">float, double, <see cref="Half"/> or <see cref="BFloat16"/>. Double is computed in double, the others in
/// float.</typeparam>
public ref struct FlashAttentionArguments<T>
    where T : unmanaged
{
    /// <summary>Arguments; set the properties.</summary>
    public FlashAttentionArguments() { }

    /// <summary>(B, H, Lq, D); packed (1, H, all queries, D). Strides of 0 are legal.</summary>
    public required ReadOnlyTensorSpan<T> Query { get; init; }

    /// <summary>(B, Hkv, Lk, D), Hkv divides H; packed (1, Hkv, all keys, D); paged (pages, Hkv, keys of a page, D). Strides of 0 are
    /// legal.</summary>
    public required ReadOnlyTensorSpan<T> Key { get; init; }

    /// <summary>(B, Hkv, Lk, Dv), packed or paged as <see cref="Key"/>. Strides of 0 are legal.</summary>
    public required ReadOnlyTensorSpan<T> Value { get; init; }

    /// <summary>(B, H, Lq, Dv); packed (1, H, all queries, Dv). Is overwritten; no element may share memory with another or with an
    /// input. A query that sees no key gets zeros. The backward pass only reads it.</summary>
    public required TensorSpan<T> Output { get; init; }

    /// <summary>Broadcast to (B, H, Lq, Lk) from 1 to 4 dimensions: true means attend; false hides a key, whatever it and its value hold.
    /// Not together with
    /// <see cref="Bias"/>.</summary>
    public ReadOnlyTensorSpan<bool> Mask { get; init; }

    /// <summary>Broadcast to (B, H, Lq, Lk) from 1 to 4 dimensions: added to the scaled scores; -∞ hides a key, whatever it and its
    /// value hold; a finite number, however small, does not. Not together with <see cref="Mask"/>.</summary>
    public ReadOnlyTensorSpan<T> Bias { get; init; }

    /// <summary>Keys after the diagonal are hidden. Default false.</summary>
    public bool IsCausal { get; init; }

    /// <summary>Where the diagonal of <see cref="IsCausal"/>, of the windows and of <see cref="AlibiSlopes"/> lies. Default
    /// top-left.</summary>
    public CausalAlignment CausalAlignment { get; init; }

    /// <summary>Keys before the diagonal that a query sees, at least 0; null (default) for all.</summary>
    public int? LeftWindow { get; init; }

    /// <summary>Keys after the diagonal that a query sees, at least 0; null (default) for all.</summary>
    public int? RightWindow { get; init; }

    /// <summary>Factor on Q Kᵀ, finite; null (default) is 1/√D.</summary>
    public double? Scale { get; init; }

    /// <summary>Scaled scores become c·tanh(score/c) before any bias; finite, 0 (default) is off.</summary>
    public double Softcap { get; init; }

    /// <summary>(H) or (B, H), finite: slope · |diagonal - key| is subtracted from the score (ALiBi, arXiv:2108.12409).</summary>
    public ReadOnlySpan<float> AlibiSlopes { get; init; }

    /// <summary>(B + 1) cumulative lengths, from 0 upwards: sequence b has the queries from QueryStarts[b] to QueryStarts[b + 1]. Rows of
    /// the output beyond the last one are not touched.</summary>
    public ReadOnlySpan<int> QueryStarts { get; init; }

    /// <summary>(B + 1) cumulative lengths of the keys, as <see cref="QueryStarts"/>.</summary>
    public ReadOnlySpan<int> KeyStarts { get; init; }

    /// <summary>(B) keys in use of each sequence, from 0 to Lk. The others are not read.</summary>
    public ReadOnlySpan<int> KeyLengths { get; init; }

    /// <summary>(B, pages per sequence), dense: entry p is the page that holds a sequence's keys from p · (keys of a page) on. Entries
    /// beyond a sequence's keys are not read.</summary>
    public ReadOnlyTensorSpan<int> PageTable { get; init; }

    /// <summary>Receives each query's logarithm of the sum of exponentials, natural, -∞ where it sees no key: (B, H, Lq) side by side,
    /// packed (H, QueryStarts[B]). For float, Half and BFloat16. The backward pass reads it, and cannot do without.</summary>
    public Span<float> LogSumExp { get; init; }

    /// <summary><see cref="LogSumExp"/> for double.</summary>
    public Span<double> LogSumExpDouble { get; init; }

    /// <summary>Probability that a weight is dropped (the others grow by 1/(1 - p)): 0 (default) up to but not 1.</summary>
    public double Dropout { get; init; }

    /// <summary>Decides which weights are dropped: the same seed drops the same ones, whatever the number of threads.</summary>
    public ulong DropoutSeed { get; init; }

    /// <summary>Threads to use at most, at least 1; null (default) for one per processor. The result does not depend on it.</summary>
    public int? Threads { get; init; }
}
