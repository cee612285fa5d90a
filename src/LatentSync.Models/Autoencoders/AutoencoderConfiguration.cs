using System.Text;
using System.Text.Json;
using LatentSync.Foundation.Wording;
using LatentSync.Models.Layers;
using LatentSync.Models.Loading;

namespace LatentSync.Models.Autoencoders;

/// <summary>The shape of an <see cref="AutoencoderKL"/>: the entries of diffusers' <c>config.json</c> that matter to it.</summary>
public sealed record AutoencoderConfiguration
{
    private const string DownBlock = "DownEncoderBlock2D";
    private const string UpBlock = "UpDecoderBlock2D";
    private const int MaximumLevels = 12;
    private const int MaximumChannels = 1 << 16;

    /// <summary>Channels of the image. Default 3. Key <c>in_channels</c>.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>Channels of the decoded image. Default 3. Key <c>out_channels</c>.</summary>
    public int OutChannels { get; init; } = 3;

    /// <summary>Channels of the latents. Default 4. Key <c>latent_channels</c>.</summary>
    public int LatentChannels { get; init; } = 4;

    /// <summary>Channels per level, finest first; each level but the last halves the size. Default (64). Key
    /// <c>block_out_channels</c>.</summary>
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [64];

    /// <summary>Levels of the encoder with an attention after each resnet. Key <c>down_block_types</c>: "AttnDownEncoderBlock2D".</summary>
    public IReadOnlyList<bool> DownBlockHasAttention { get; init; } = [false];

    /// <summary>Levels of the decoder, coarsest first, with an attention after each resnet. Key <c>up_block_types</c>:
    /// "AttnUpDecoderBlock2D".</summary>
    public IReadOnlyList<bool> UpBlockHasAttention { get; init; } = [false];

    /// <summary>Resnets per level of the encoder; the decoder has one more. Default 1. Key <c>layers_per_block</c>.</summary>
    public int LayersPerBlock { get; init; } = 1;

    /// <summary>Groups of every group norm; divides every entry of <see cref="BlockOutChannels"/>. Default 32. Key
    /// <c>norm_num_groups</c>.</summary>
    public int NormNumGroups { get; init; } = 32;

    /// <summary>Non-linearity of the resnets: silu (swish), gelu, relu or mish. Default silu. Key <c>act_fn</c>.</summary>
    public string ActivationFunction { get; init; } = "silu";

    /// <summary>An attention between the two resnets of each mid block. Default true. Key <c>mid_block_add_attention</c>.</summary>
    public bool MidBlockAddAttention { get; init; } = true;

    /// <summary>A 1x1 convolution after the encoder. Default true. Key <c>use_quant_conv</c>.</summary>
    public bool UseQuantConv { get; init; } = true;

    /// <summary>A 1x1 convolution before the decoder. Default true. Key <c>use_post_quant_conv</c>.</summary>
    public bool UsePostQuantConv { get; init; } = true;

    /// <summary>Factor that gives latents unit variance, applied by the caller. Default 0.18215. Key <c>scaling_factor</c>.</summary>
    public double ScalingFactor { get; init; } = 0.18215;

    /// <summary>Subtracted from latents before scaling, by the caller. Default 0. Key <c>shift_factor</c>, null counts as 0.</summary>
    public double ShiftFactor { get; init; }

    /// <summary>Side of the image divided by the side of its latents: 2 to the number of levels less one.</summary>
    public int DownsamplingFactor => 1 << (BlockOutChannels.Count - 1);

    /// <summary>Reads a parsed <c>config.json</c>; absent keys take diffusers' defaults, unknown ones are ignored.</summary>
    /// <param name="json">The JSON object.</param>
    /// <exception cref="ModelConfigurationException">A value has another type or lies outside of what the network can have.</exception>
    public static AutoencoderConfiguration FromJson(JsonElement json)
    {
        ConfigurationReader reader = new(json, "AutoencoderKL");
        if (reader.Text("_class_name", "AutoencoderKL") is var className and not "AutoencoderKL")
        {
            throw reader.Invalid("_class_name", $"\"{className}\"", "\"AutoencoderKL\"; give the folder of an image autoencoder");
        }
        if (reader.Text("norm_type", "group") is var norm and not "group")
        {
            throw reader.Invalid("norm_type", $"\"{norm}\"", "\"group\"");
        }
        int[] channels = reader.Integers("block_out_channels", [64], 1, MaximumChannels, MaximumLevels);
        AutoencoderConfiguration configuration = new()
        {
            InChannels = reader.Integer("in_channels", 3, 1, MaximumChannels),
            OutChannels = reader.Integer("out_channels", 3, 1, MaximumChannels),
            LatentChannels = reader.Integer("latent_channels", 4, 1, MaximumChannels),
            BlockOutChannels = channels,
            DownBlockHasAttention = ReadBlockTypes(reader, "down_block_types", channels.Length, DownBlock),
            UpBlockHasAttention = ReadBlockTypes(reader, "up_block_types", channels.Length, UpBlock),
            LayersPerBlock = reader.Integer("layers_per_block", 1, 1, 64),
            NormNumGroups = reader.Integer("norm_num_groups", 32, 1, MaximumChannels),
            ActivationFunction = reader.Text("act_fn", "silu"),
            MidBlockAddAttention = reader.Flag("mid_block_add_attention", true),
            UseQuantConv = reader.Flag("use_quant_conv", true),
            UsePostQuantConv = reader.Flag("use_post_quant_conv", true),
            ScalingFactor = reader.Number("scaling_factor", 0.18215),
            ShiftFactor = reader.Number("shift_factor", 0),
        };
        configuration.Validate();
        return configuration;
    }

    /// <summary>The configuration as diffusers' <c>config.json</c>.</summary>
    public string ToJson()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("_class_name", "AutoencoderKL");
            json.WriteNumber("in_channels", InChannels);
            json.WriteNumber("out_channels", OutChannels);
            json.WriteNumber("latent_channels", LatentChannels);
            WriteList("block_out_channels", BlockOutChannels, json.WriteNumberValue);
            WriteList("down_block_types", DownBlockHasAttention, has => json.WriteStringValue(has ? "Attn" + DownBlock : DownBlock));
            WriteList("up_block_types", UpBlockHasAttention, has => json.WriteStringValue(has ? "Attn" + UpBlock : UpBlock));
            json.WriteNumber("layers_per_block", LayersPerBlock);
            json.WriteNumber("norm_num_groups", NormNumGroups);
            json.WriteString("act_fn", ActivationFunction);
            json.WriteBoolean("mid_block_add_attention", MidBlockAddAttention);
            json.WriteBoolean("use_quant_conv", UseQuantConv);
            json.WriteBoolean("use_post_quant_conv", UsePostQuantConv);
            json.WriteNumber("scaling_factor", ScalingFactor);
            json.WriteNumber("shift_factor", ShiftFactor);
            json.WriteEndObject();

            void WriteList<T>(string key, IEnumerable<T> items, Action<T> write)
            {
                json.WriteStartArray(key);
                foreach (T item in items)
                {
                    write(item);
                }
                json.WriteEndArray();
            }
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    /// <summary>Checks what the entries require of each other.</summary>
    /// <exception cref="ModelConfigurationException">The network cannot be built from these values; says which and why.</exception>
    public void Validate()
    {
        Require(
            BlockOutChannels.Count is >= 1 and <= MaximumLevels,
            $"block_out_channels has {BlockOutChannels.Count} entries, 1 to {MaximumLevels} are possible"
        );
        Require(DownBlockHasAttention.Count == BlockOutChannels.Count, "down_block_types and block_out_channels must have the same length");
        Require(UpBlockHasAttention.Count == BlockOutChannels.Count, "up_block_types and block_out_channels must have the same length");
        Require(LayersPerBlock >= 1, $"layers_per_block is {LayersPerBlock}, at least 1 is required");
        Require(NormNumGroups >= 1, $"norm_num_groups is {NormNumGroups}, at least 1 is required");
        Require(
            InChannels >= 1 && OutChannels >= 1 && LatentChannels >= 1,
            "in_channels, out_channels and latent_channels must be at least 1"
        );
        Require(
            double.IsFinite(ScalingFactor) && ScalingFactor != 0,
            $"scaling_factor is {ScalingFactor}, a finite number other than 0 is required"
        );
        Require(double.IsFinite(ShiftFactor), "shift_factor must be finite");
        foreach (int channels in BlockOutChannels)
        {
            Require(
                channels >= 1 && channels % NormNumGroups == 0,
                $"block_out_channels has {channels}, which norm_num_groups ({NormNumGroups}) does not divide"
            );
        }
        _ = Activation;
    }

    internal ActivationKind Activation =>
        ActivationKinds.ByName.TryGetValue(ActivationFunction, out ActivationKind kind)
            ? kind
            : throw new ModelConfigurationException(
                $"The configuration of AutoencoderKL cannot be used: act_fn is \"{ActivationFunction}\", one of {string.Join(", ", ActivationKinds.ByName.Keys)} is required."
            );

    private static bool[] ReadBlockTypes(ConfigurationReader reader, string key, int levels, string plain)
    {
        string attentive = "Attn" + plain;
        string[] types = reader.Texts(key, [.. Enumerable.Repeat(plain, levels)], MaximumLevels);
        if (types.Length != levels)
        {
            throw reader.Invalid(key, $"{types.Length} entries", $"one for each of the {levels} block_out_channels");
        }
        return
        [
            .. types.Select(type =>
                type == attentive ? true
                : type == plain ? false
                : throw reader.Invalid(key, $"\"{type}\"", $"\"{plain}\" or \"{attentive}\"")
            ),
        ];
    }

    private static void Require(bool condition, Sentence message)
    {
        if (!condition)
        {
            throw new ModelConfigurationException($"The configuration of AutoencoderKL cannot be used: {message}.");
        }
    }
}
