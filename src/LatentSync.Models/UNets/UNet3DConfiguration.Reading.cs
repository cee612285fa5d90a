using System.Text.Json;
using LatentSync.Models.Loading;

namespace LatentSync.Models.UNets;

public sealed partial record UNet3DConfiguration
{
    private const string Model = "UNet3DConditionModel";

    /// <summary>Keys that decide something here.</summary>
    private static readonly string[] MeaningfulKeys =
    [
        "in_channels",
        "out_channels",
        "block_out_channels",
        "layers_per_block",
        "down_block_types",
        "mid_block_type",
        "up_block_types",
        "cross_attention_dim",
        "attention_head_dim",
        "norm_num_groups",
        "norm_eps",
        "act_fn",
        "downsample_padding",
        "mid_block_scale_factor",
        "flip_sin_to_cos",
        "freq_shift",
        "center_input_sample",
        "resnet_time_scale_shift",
        "use_linear_projection",
        "use_inflated_groupnorm",
        "add_audio_layer",
        "use_motion_module",
        "motion_module_resolutions",
        "motion_module_mid_block",
        "motion_module_decoder_only",
        "motion_module_type",
        "motion_module_kwargs",
        "dual_cross_attention",
        "class_embed_type",
        "num_class_embeds",
    ];

    /// <summary>Keys that the original accepts and never uses in its arithmetic, so any value of theirs is as good as another.</summary>
    private static readonly string[] KeysWithoutInfluence =
    [
        "_class_name",
        "_diffusers_version",
        "_name_or_path",
        "sample_size",
        "upcast_attention",
        "only_cross_attention",
    ];

    private static readonly string[] MotionKeys =
    [
        "num_attention_heads",
        "num_transformer_block",
        "attention_block_types",
        "temporal_position_encoding",
        "temporal_position_encoding_max_len",
        "temporal_attention_dim_div",
        "zero_initialize",
        "cross_frame_attention_mode",
    ];

    /// <summary>Reads the <c>model</c> section as a JSON object; absent keys take the original's defaults.</summary>
    /// <param name="json">The object, for instance <c>config</c> of a fixture's manifest.</param>
    /// <exception cref="ModelConfigurationException">A key is unknown (the nearest known one is named), or a value cannot be
    /// used.</exception>
    public static UNet3DConfiguration FromJson(JsonElement json)
    {
        ConfigurationReader reader = new(json, Model);
        KnownKeys.Check(json, Model, MeaningfulKeys, KeysWithoutInfluence);
        RefuseUnimplemented(json, reader);
        UNet3DConfiguration defaults = new();
        int[] channels = reader.Integers("block_out_channels", [.. defaults.BlockOutChannels], 2, MaximumChannels, MaximumLevels);
        UNet3DConfiguration configuration = new()
        {
            InChannels = reader.Integer("in_channels", defaults.InChannels, 1, MaximumChannels),
            OutChannels = reader.Integer("out_channels", defaults.OutChannels, 1, MaximumChannels),
            BlockOutChannels = channels,
            LayersPerBlock = reader.Integer("layers_per_block", defaults.LayersPerBlock, 1, MaximumLayers),
            DownBlockHasAttention = ReadBlockTypes(reader, "down_block_types", defaults.DownBlockHasAttention, "DownBlock3D"),
            UpBlockHasAttention = ReadBlockTypes(reader, "up_block_types", defaults.UpBlockHasAttention, "UpBlock3D"),
            CrossAttentionDim = reader.Integer("cross_attention_dim", defaults.CrossAttentionDim, 1, MaximumChannels),
            HeadCounts = ReadHeadCounts(json, reader, channels.Length),
            NormNumGroups = reader.Integer("norm_num_groups", defaults.NormNumGroups, 1, MaximumChannels),
            NormEpsilon = reader.Number("norm_eps", defaults.NormEpsilon),
            ActivationFunction = reader.Text("act_fn", defaults.ActivationFunction),
            DownsamplePadding = reader.Integer("downsample_padding", defaults.DownsamplePadding, 0, 16),
            MidBlockScaleFactor = reader.Number("mid_block_scale_factor", defaults.MidBlockScaleFactor),
            FlipSinToCos = reader.Flag("flip_sin_to_cos", defaults.FlipSinToCos),
            FrequencyShift = reader.Number("freq_shift", defaults.FrequencyShift),
            CenterInputSample = reader.Flag("center_input_sample", defaults.CenterInputSample),
            TimeScaleShift = reader.Text("resnet_time_scale_shift", "default") switch
            {
                "default" => false,
                "scale_shift" => true,
                string other => throw reader.Invalid("resnet_time_scale_shift", $"\"{other}\"", "\"default\" or \"scale_shift\""),
            },
            UseLinearProjection = reader.Flag("use_linear_projection", defaults.UseLinearProjection),
            PerFrameNorms = reader.Flag("use_inflated_groupnorm", defaults.PerFrameNorms),
            AddAudioLayer = reader.Flag("add_audio_layer", defaults.AddAudioLayer),
            UseMotionModule = reader.Flag("use_motion_module", defaults.UseMotionModule),
            MotionModuleResolutions = ReadResolutions(json, reader, defaults.MotionModuleResolutions),
            MotionModuleMidBlock = reader.Flag("motion_module_mid_block", defaults.MotionModuleMidBlock),
            MotionModuleDecoderOnly = reader.Flag("motion_module_decoder_only", defaults.MotionModuleDecoderOnly),
            MotionModule =
                json.TryGetProperty("motion_module_kwargs", out JsonElement kwargs) && kwargs.ValueKind != JsonValueKind.Null
                    ? ReadMotionModule(kwargs)
                    : defaults.MotionModule,
        };
        configuration.Validate();
        if (configuration.HasMotion && reader.Text("motion_module_type", string.Empty) is var type and not "Vanilla")
        {
            throw reader.Invalid(
                "motion_module_type",
                type.Length == 0 ? "nothing" : $"\"{type}\"",
                "\"Vanilla\" where temporal layers are used"
            );
        }
        return configuration;
    }

    private static void RefuseUnimplemented(JsonElement json, ConfigurationReader reader)
    {
        if (reader.Text("_class_name", Model) is var className and not Model)
        {
            throw reader.Invalid("_class_name", $"\"{className}\"", $"\"{Model}\"; give the configuration of LatentSync's U-Net");
        }
        if (reader.Flag("dual_cross_attention", false))
        {
            throw reader.Invalid("dual_cross_attention", "true", "false (the original implements nothing else)");
        }
        foreach (string key in (string[])["class_embed_type", "num_class_embeds"])
        {
            if (json.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null)
            {
                throw reader.Invalid(key, value.GetRawText(), "null: networks with class labels are not supported, LatentSync has none");
            }
        }
        if (reader.Text("mid_block_type", "UNetMidBlock3DCrossAttn") is var mid and not "UNetMidBlock3DCrossAttn")
        {
            throw reader.Invalid("mid_block_type", $"\"{mid}\"", "\"UNetMidBlock3DCrossAttn\"");
        }
    }

    private static bool[] ReadBlockTypes(ConfigurationReader reader, string key, IReadOnlyList<bool> fallback, string plain)
    {
        string attentive = "CrossAttn" + plain;
        string[] types = reader.Texts(key, [.. fallback.Select(attention => attention ? attentive : plain)], MaximumLevels);
        return
        [
            .. types
                .Select(type =>
                    // The original strips this prefix of old configurations.
                    type.StartsWith("UNetRes", StringComparison.Ordinal)
                        ? type["UNetRes".Length..]
                        : type
                )
                .Select(type =>
                    type == attentive ? true
                    : type == plain ? false
                    : throw reader.Invalid(key, $"\"{type}\"", $"\"{attentive}\" or \"{plain}\"")
                ),
        ];
    }

    private static int[] ReadHeadCounts(JsonElement json, ConfigurationReader reader, int levels)
    {
        const string Key = "attention_head_dim";
        return json.TryGetProperty(Key, out JsonElement value) && value.ValueKind == JsonValueKind.Array
            ? reader.Integers(Key, [], 1, MaximumChannels, MaximumLevels)
            : [.. Enumerable.Repeat(reader.Integer(Key, 8, 1, MaximumChannels), levels)];
    }

    private static IReadOnlyList<int> ReadResolutions(JsonElement json, ConfigurationReader reader, IReadOnlyList<int> fallback)
    {
        const string Key = "motion_module_resolutions";
        bool empty =
            json.TryGetProperty(Key, out JsonElement value) && value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0;
        return empty ? [] : reader.Integers(Key, [.. fallback], 1, 1 << MaximumLevels, 64);
    }

    private static MotionModuleConfiguration ReadMotionModule(JsonElement json)
    {
        const string Section = "UNet3DConditionModel's motion_module_kwargs";
        ConfigurationReader reader = new(json, Section);
        KnownKeys.Check(json, Section, MotionKeys, []);
        MotionModuleConfiguration defaults = new();
        string[] types = ReadAttentionTypes(json, reader);
        if (types.FirstOrDefault(type => type != "Temporal_Self") is { } other)
        {
            throw reader.Invalid(
                "attention_block_types",
                $"\"{other}\"",
                "\"Temporal_Self\" in every entry (attention of frames to audio is not implemented in the original either)"
            );
        }
        return new MotionModuleConfiguration
        {
            HeadCount = reader.Integer("num_attention_heads", defaults.HeadCount, 1, 1024),
            BlockCount = reader.Integer("num_transformer_block", defaults.BlockCount, 0, 64),
            AttentionCount = types.Length,
            PositionEncoding = reader.Flag("temporal_position_encoding", defaults.PositionEncoding),
            MaximumFrames = reader.Integer("temporal_position_encoding_max_len", defaults.MaximumFrames, 1, 65536),
            WidthDivisor = reader.Integer("temporal_attention_dim_div", defaults.WidthDivisor, 1, 1024),
            ZeroInitialize = reader.Flag("zero_initialize", defaults.ZeroInitialize),
        };
    }

    private static string[] ReadAttentionTypes(JsonElement json, ConfigurationReader reader)
    {
        const string Key = "attention_block_types";
        bool empty =
            json.TryGetProperty(Key, out JsonElement value) && value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0;
        return empty ? [] : reader.Texts(Key, ["Temporal_Self", "Temporal_Self"], 64);
    }
}
