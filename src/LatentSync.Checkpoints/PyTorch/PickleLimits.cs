namespace LatentSync.Checkpoints.PyTorch;

/// <summary>Bounds on what a pickle may make its reader do. A checkpoint of a thousand tensors stays a hundred times below each.</summary>
internal sealed record PickleLimits
{
    public static PickleLimits Default { get; } = new();

    /// <summary>Bytes of one pickle.</summary>
    public long Length { get; init; } = 64 * 1024 * 1024;

    /// <summary>Instructions, plus items copied by an instruction that copies.</summary>
    public long Steps { get; init; } = 2_000_000;

    /// <summary>Bytes of one string or byte string; also of all that are made by re-encoding others.</summary>
    public int StringBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Bytes of one integer; 1024 hold a number of 2,466 digits.</summary>
    public int IntegerBytes { get; init; } = 1024;

    /// <summary>Characters of one line (module or class name).</summary>
    public int LineLength { get; init; } = 256;

    /// <summary>Levels of nested dictionaries and lists in the result.</summary>
    public int Depth { get; init; } = 64;

    /// <summary>Containers and leaves met when the result is flattened; shared ones count each time.</summary>
    public int Nodes { get; init; } = 2_000_000;

    /// <summary>Characters of one joined name.</summary>
    public int NameLength { get; init; } = 4096;

    /// <summary>Characters of all joined names and texts made for numbers.</summary>
    public long TextLength { get; init; } = 64 * 1024 * 1024;
}
