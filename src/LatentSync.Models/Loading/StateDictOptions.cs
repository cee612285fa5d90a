namespace LatentSync.Models.Loading;

/// <summary>What a checkpoint must have in common with the network.</summary>
public enum StateDictStrictness
{
    /// <summary>The same keys on both sides, the same shapes.</summary>
    Exact,

    /// <summary>Every key of the network with its shape; further keys of the file are reported.</summary>
    Complete,

    /// <summary>The same shape wherever the key is in both; the rest is reported, and parameters that the file lacks keep their
    /// values.</summary>
    Partial,
}

/// <summary>How <see cref="StateDictLoader"/> matches and copies.</summary>
public sealed record StateDictOptions
{
    /// <summary>Text in front of the network's keys in the file, for instance "state_dict."; keys without it are not considered. Default
    /// empty.</summary>
    public string Prefix { get; init; } = string.Empty;

    /// <summary>When to refuse. Default <see cref="StateDictStrictness.Complete"/>.</summary>
    public StateDictStrictness Strictness { get; init; } = StateDictStrictness.Complete;

    /// <summary>
    /// Network's key for a key of the file (without <see cref="Prefix"/>), for checkpoints of older versions; null for a key to pass over
    /// in silence. Default: the same key. Where a file has a parameter under both names, the current name counts.
    /// </summary>
    public Func<string, string?>? Rename { get; init; }

    /// <summary>Accept a stored (C, C, 1, 1) convolution weight for a (C, C) linear one. Default false.</summary>
    public bool IgnoreTrailingUnitAxes { get; init; }

    /// <summary>Tensors copied at the same time, at least 1; reading and converting overlap from 2 on. Default 2 to 8, by
    /// processors.</summary>
    public int MaxDegreeOfParallelism { get; init; } = Math.Clamp(Environment.ProcessorCount, 2, 8);
}
