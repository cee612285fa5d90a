using LatentSync.Foundation.Wording;
using LatentSync.Models.Layers;
using LatentSync.Models.Loading;

namespace LatentSync.Models.UNets;

/// <summary>The shape of a <see cref="UNet3DConditionModel"/>: the <c>model:</c> section of the original's configuration files.</summary>
/// <remarks>Defaults are those of the original's constructor. Lists compare by reference, as in every record.</remarks>
public sealed partial record UNet3DConfiguration
{
    /// <summary>Bounds of what a file may ask for, far beyond every known network of this kind.</summary>
    internal const int MaximumLevels = 10,
        MaximumChannels = 1 << 14,
        MaximumLayers = 32;

    /// <summary>Groups of the group norm at the entrance of every temporal transformer, whatever <see cref="NormNumGroups"/> is.</summary>
    internal const int TemporalNormGroups = 32;

    /// <summary>Channels of the input: noisy latents 4, mask 1, masked latents 4, reference latents 4 make 13. Default 4. Key
    /// <c>in_channels</c>.</summary>
    public int InChannels { get; init; } = 4;

    /// <summary>Channels of the predicted noise. Default 4. Key <c>out_channels</c>.</summary>
    public int OutChannels { get; init; } = 4;

    /// <summary>Width per level, finest first; each level but the last halves the size. Key <c>block_out_channels</c>.</summary>
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [320, 640, 1280, 1280];

    /// <summary>Resnets per down block; an up block has one more. Default 2. Key <c>layers_per_block</c>.</summary>
    public int LayersPerBlock { get; init; } = 2;

    /// <summary>Whether each down block has spatial transformers. Key <c>down_block_types</c>: "CrossAttnDownBlock3D" or
    /// "DownBlock3D".</summary>
    public IReadOnlyList<bool> DownBlockHasAttention { get; init; } = [true, true, true, false];

    /// <summary>Whether each up block, coarsest first, has spatial transformers. Key <c>up_block_types</c>: "CrossAttnUpBlock3D" or
    /// "UpBlock3D".</summary>
    public IReadOnlyList<bool> UpBlockHasAttention { get; init; } = [false, true, true, true];

    /// <summary>Width of an audio token: 384 for Whisper tiny, 768 for small. Default 1280. Key <c>cross_attention_dim</c>.</summary>
    public int CrossAttentionDim { get; init; } = 1280;

    /// <summary>Heads of the attentions per level. Default 8. Key <c>attention_head_dim</c>, which despite its name counts heads.</summary>
    public IReadOnlyList<int> HeadCounts { get; init; } = [8, 8, 8, 8];

    /// <summary>Groups of the norms outside the temporal layers. Default 32. Key <c>norm_num_groups</c>.</summary>
    public int NormNumGroups { get; init; } = 32;

    /// <summary>Epsilon of the norms of the resnets and of the output. Default 1e-5. Key <c>norm_eps</c>.</summary>
    public double NormEpsilon { get; init; } = 1e-5;

    /// <summary>Non-linearity of the resnets: silu (swish), gelu, relu or mish. Default silu. Key <c>act_fn</c>.</summary>
    public string ActivationFunction { get; init; } = "silu";

    /// <summary>Zero padding of the stride-2 convolutions, 1..16. Default 1. Key <c>downsample_padding</c>.</summary>
    public int DownsamplePadding { get; init; } = 1;

    /// <summary>Divisor of the outputs of the mid block's resnets. Default 1. Key <c>mid_block_scale_factor</c>.</summary>
    public double MidBlockScaleFactor { get; init; } = 1;

    /// <summary>Cosines before sines in the timestep's embedding. Default true. Key <c>flip_sin_to_cos</c>.</summary>
    public bool FlipSinToCos { get; init; } = true;

    /// <summary>Subtracted from the divisor of the embedding's frequencies. Default 0. Key <c>freq_shift</c>.</summary>
    public double FrequencyShift { get; init; }

    /// <summary>Maps the input x to 2x - 1. Default false. Key <c>center_input_sample</c>.</summary>
    public bool CenterInputSample { get; init; }

    /// <summary>The time embedding scales and shifts the second norm instead of being added before it. Default false. Key
    /// <c>resnet_time_scale_shift</c>: "default" or "scale_shift".</summary>
    public bool TimeScaleShift { get; init; }

    /// <summary>Linear layers instead of 1x1 convolutions around the spatial transformers: same arithmetic, other weight shapes. Default
    /// false. Key <c>use_linear_projection</c>.</summary>
    public bool UseLinearProjection { get; init; }

    /// <summary>Norms of the resnets per frame instead of over the frames of a chunk. Default false. Key
    /// <c>use_inflated_groupnorm</c>.</summary>
    public bool PerFrameNorms { get; init; }

    /// <summary>The spatial transformers have an attention to audio tokens. Default false. Key <c>add_audio_layer</c>.</summary>
    public bool AddAudioLayer { get; init; }

    /// <summary>The network has temporal layers. Default false. Key <c>use_motion_module</c>.</summary>
    public bool UseMotionModule { get; init; }

    /// <summary>Where temporal layers sit: down level i at 2^i, up level i at 2^(3 - i). Key <c>motion_module_resolutions</c>.</summary>
    public IReadOnlyList<int> MotionModuleResolutions { get; init; } = [1, 2, 4, 8];

    /// <summary>A temporal layer in the mid block too. Default false. Key <c>motion_module_mid_block</c>.</summary>
    public bool MotionModuleMidBlock { get; init; }

    /// <summary>No temporal layers in the down blocks. Default false. Key <c>motion_module_decoder_only</c>.</summary>
    public bool MotionModuleDecoderOnly { get; init; }

    /// <summary>Shape of the temporal layers. Key <c>motion_module_kwargs</c>.</summary>
    public MotionModuleConfiguration MotionModule { get; init; } = new();

    /// <summary>The most frames a chunk may have: the rows of the position table; null when nothing limits it.</summary>
    public int? MaximumFrames =>
        HasMotion && MotionModule is { PositionEncoding: true, AttentionCount: > 0, BlockCount: > 0 } ? MotionModule.MaximumFrames : null;

    /// <summary>Both sides of the latents should be multiples of this; other sizes work and cost some accuracy at the border.</summary>
    public int SizeMultiple => 1 << (BlockOutChannels.Count - 1);

    internal int TimeEmbeddingWidth => 4 * BlockOutChannels[0];

    internal ActivationKind Activation =>
        ActivationKinds.ByName.TryGetValue(ActivationFunction, out ActivationKind kind)
            ? kind
            : throw Problem($"act_fn is \"{ActivationFunction}\", one of {string.Join(", ", ActivationKinds.ByName.Keys)} is required");

    private bool HasMotion =>
        MotionModuleMidBlock && UseMotionModule
        || Enumerable.Range(0, BlockOutChannels.Count).Any(i => HasMotionInDown(i) || HasMotionInUp(i));

    /// <summary>The released networks 1.5 and 1.6, which differ in their weights only (stage2.yaml, stage2_512.yaml).</summary>
    public static UNet3DConfiguration LatentSync15() => Stage1() with { UseMotionModule = true };

    /// <summary>The network of the first training stage: no temporal layers (stage1.yaml, stage1_512.yaml).</summary>
    public static UNet3DConfiguration Stage1() =>
        new()
        {
            InChannels = 13,
            CrossAttentionDim = 384,
            AddAudioLayer = true,
            MotionModule = new MotionModuleConfiguration { BlockCount = 1, PositionEncoding = true },
        };

    /// <summary>Temporal layers in the decoder only (stage2_efficient.yaml).</summary>
    public static UNet3DConfiguration Stage2Efficient() => LatentSync15() with { MotionModuleDecoderOnly = true };

    /// <summary>Checks what the entries require of each other.</summary>
    /// <exception cref="ModelConfigurationException">The network cannot be built from these values; says which and why.</exception>
    public void Validate()
    {
        int levels = BlockOutChannels.Count;
        Require(levels is >= 1 and <= MaximumLevels, $"block_out_channels has {levels} entries, 1 to {MaximumLevels} are possible");
        Require(
            DownBlockHasAttention.Count == levels,
            $"down_block_types has {DownBlockHasAttention.Count} entries, block_out_channels {levels}; the same number is required"
        );
        Require(
            UpBlockHasAttention.Count == levels,
            $"up_block_types has {UpBlockHasAttention.Count} entries, block_out_channels {levels}; the same number is required"
        );
        Require(
            HeadCounts.Count == levels,
            $"attention_head_dim has {HeadCounts.Count} entries, block_out_channels {levels}; one number, or the same count, is required"
        );
        Require(LayersPerBlock is >= 1 and <= MaximumLayers, $"layers_per_block is {LayersPerBlock}, 1 to {MaximumLayers} is required");
        Require(
            InChannels is >= 1 and <= MaximumChannels && OutChannels is >= 1 and <= MaximumChannels,
            $"in_channels and out_channels are {InChannels} and {OutChannels}, 1 to {MaximumChannels} is required"
        );
        Require(
            CrossAttentionDim is >= 1 and <= MaximumChannels,
            $"cross_attention_dim is {CrossAttentionDim}, 1 to {MaximumChannels} is required"
        );
        Require(NormNumGroups >= 1, $"norm_num_groups is {NormNumGroups}, at least 1 is required");
        Require(double.IsFinite(NormEpsilon) && NormEpsilon >= 0, $"norm_eps is {NormEpsilon}, a finite number of at least 0 is required");
        Require(
            DownsamplePadding is >= 1 and <= 16,
            $"downsample_padding is {DownsamplePadding}, 1 to 16 is required (the original implements no 0 either)"
        );
        Require(
            double.IsFinite(MidBlockScaleFactor) && MidBlockScaleFactor != 0,
            $"mid_block_scale_factor is {MidBlockScaleFactor}, a finite number other than 0 is required"
        );
        Require(
            double.IsFinite(FrequencyShift) && BlockOutChannels[0] / 2 != FrequencyShift,
            $"freq_shift is {FrequencyShift}, a finite number other than half of block_out_channels[0] is required"
        );
        for (int i = 0; i < levels; i++)
        {
            int channels = BlockOutChannels[i];
            Require(channels is >= 2 and <= MaximumChannels, $"block_out_channels has {channels}, 2 to {MaximumChannels} is required");
            Require(
                channels % NormNumGroups == 0,
                $"block_out_channels has {channels}, which norm_num_groups ({NormNumGroups}) does not divide"
            );
            bool usesHeads = DownBlockHasAttention[i] || UpBlockHasAttention[levels - 1 - i] || i == levels - 1;
            Require(
                !usesHeads || HeadCounts[i] >= 1 && HeadCounts[i] <= channels,
                $"attention_head_dim is {HeadCounts[i]} where block_out_channels is {channels}; it counts heads and must be 1 to that width"
            );
            Require(
                !UseLinearProjection || !usesHeads || channels % HeadCounts[i] == 0,
                $"use_linear_projection needs attention_head_dim ({HeadCounts[i]}) to divide block_out_channels ({channels})"
            );
        }
        _ = Activation;
        ValidateMotion();
    }

    /// <summary>Whether down block <paramref name="level"/> has temporal layers.</summary>
    internal bool HasMotionInDown(int level) => UseMotionModule && !MotionModuleDecoderOnly && MotionModuleResolutions.Contains(1 << level);

    /// <summary>Whether up block <paramref name="index"/>, counted from the coarsest, has them; the original counts from 2^3 whatever the
    /// depth.</summary>
    internal bool HasMotionInUp(int index) => UseMotionModule && index <= 3 && MotionModuleResolutions.Contains(1 << (3 - index));

    private void ValidateMotion()
    {
        if (!HasMotion)
        {
            return;
        }
        MotionModuleConfiguration motion = MotionModule;
        Require(motion.HeadCount is >= 1 and <= 1024, $"num_attention_heads is {motion.HeadCount}, 1 to 1024 is required");
        Require(motion.BlockCount is >= 0 and <= 64, $"num_transformer_block is {motion.BlockCount}, 0 to 64 is required");
        Require(
            motion.AttentionCount is >= 0 and <= 64,
            $"attention_block_types has {motion.AttentionCount} entries, 0 to 64 are possible"
        );
        Require(
            motion.MaximumFrames is >= 1 and <= 65536,
            $"temporal_position_encoding_max_len is {motion.MaximumFrames}, 1 to 65536 is required"
        );
        Require(motion.WidthDivisor is >= 1 and <= 1024, $"temporal_attention_dim_div is {motion.WidthDivisor}, 1 to 1024 is required");
        int levels = BlockOutChannels.Count;
        for (int i = 0; i < levels; i++)
        {
            bool here = HasMotionInDown(i) || HasMotionInUp(levels - 1 - i) || MotionModuleMidBlock && UseMotionModule && i == levels - 1;
            if (!here)
            {
                continue;
            }
            int channels = BlockOutChannels[i];
            Require(
                channels % TemporalNormGroups == 0,
                $"block_out_channels has {channels} where temporal layers sit; their norm always has {TemporalNormGroups} groups, so a multiple of that is required"
            );
            int width = motion.HeadCount * motion.HeadDim(channels);
            Require(
                width >= 1,
                $"num_attention_heads {motion.HeadCount} and temporal_attention_dim_div {motion.WidthDivisor} leave no width of the {channels} channels"
            );
            Require(
                !motion.PositionEncoding || width % 2 == 0,
                $"temporal layers of {channels} channels are {width} wide inside; the position table needs an even width"
            );
        }
    }

    private static void Require(bool condition, Sentence problem)
    {
        if (!condition)
        {
            throw Problem(problem);
        }
    }

    private static ModelConfigurationException Problem(Sentence problem) =>
        new($"The configuration of UNet3DConditionModel cannot be used: {problem}.");
}
