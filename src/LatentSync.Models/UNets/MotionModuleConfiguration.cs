namespace LatentSync.Models.UNets;

/// <summary>The shape of the temporal layers: the entries of <c>motion_module_kwargs</c>.</summary>
/// <remarks>Defaults are those of the original's constructor; every released configuration states all of them.</remarks>
public sealed record MotionModuleConfiguration
{
    /// <summary>Heads of every temporal attention, 1..1024. Default 8. Key <c>num_attention_heads</c>.</summary>
    public int HeadCount { get; init; } = 8;

    /// <summary>Transformer blocks per module, 0..64. Default 2 (1 in every released configuration). Key
    /// <c>num_transformer_block</c>.</summary>
    public int BlockCount { get; init; } = 2;

    /// <summary>Self-attentions over the frames in each block, 0..64. Default 2. The length of <c>attention_block_types</c>, whose entries
    /// must be "Temporal_Self".</summary>
    public int AttentionCount { get; init; } = 2;

    /// <summary>Adds a sinusoidal table of frame positions before query, key and value. Default false (true in every released
    /// configuration). Key <c>temporal_position_encoding</c>.</summary>
    public bool PositionEncoding { get; init; }

    /// <summary>Rows of the position table, so the most frames a chunk may have, 1..65536. Default 24. Key
    /// <c>temporal_position_encoding_max_len</c>.</summary>
    public int MaximumFrames { get; init; } = 24;

    /// <summary>The inner width is HeadCount · (C / HeadCount / this), 1..1024. Default 1. Key <c>temporal_attention_dim_div</c>.</summary>
    public int WidthDivisor { get; init; } = 1;

    /// <summary>Training starts with the module as identity. No influence on a loaded network. Default true. Key
    /// <c>zero_initialize</c>.</summary>
    public bool ZeroInitialize { get; init; } = true;

    /// <summary>Width of one head in a layer of <paramref name="channels"/> channels.</summary>
    internal int HeadDim(int channels) => channels / HeadCount / WidthDivisor;
}
