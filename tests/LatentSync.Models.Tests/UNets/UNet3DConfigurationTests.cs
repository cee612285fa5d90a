using System.Text.Json;
using System.Text.Json.Nodes;
using LatentSync.Models.Loading;
using LatentSync.Models.Tests.Loading;
using LatentSync.Models.UNets;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.UNets;

public sealed class UNet3DConfigurationTests
{
    // The values of configs/unet/stage2_512.yaml that matter to inference, and some that do not.
    private const string Stage2Yaml = """
        data:
          batch_size: 1 # 4
          num_frames: 16
          resolution: 512
          mask_image_path: latentsync/utils/mask.png
          audio_feat_length: [2, 2]
        run:
          guidance_scale: 1.5
        optimizer:
          lr: 1e-5
        model:
          act_fn: silu
          add_audio_layer: true
          attention_head_dim: 8
          block_out_channels: [320, 640, 1280, 1280]
          center_input_sample: false
          cross_attention_dim: 384
          down_block_types:
            [
              "CrossAttnDownBlock3D",
              "CrossAttnDownBlock3D",
              "CrossAttnDownBlock3D",
              "DownBlock3D",
            ]
          mid_block_type: UNetMidBlock3DCrossAttn
          up_block_types:
            - UpBlock3D
            - CrossAttnUpBlock3D
            - CrossAttnUpBlock3D
            - CrossAttnUpBlock3D
          downsample_padding: 1
          flip_sin_to_cos: true
          freq_shift: 0
          in_channels: 13 # 49
          layers_per_block: 2
          mid_block_scale_factor: 1
          norm_eps: 1e-5
          norm_num_groups: 32
          out_channels: 4 # 16
          sample_size: 64
          resnet_time_scale_shift: default
          use_motion_module: true
          motion_module_resolutions: [1, 2, 4, 8]
          motion_module_mid_block: false
          motion_module_decoder_only: false
          motion_module_type: Vanilla
          motion_module_kwargs:
            num_attention_heads: 8
            num_transformer_block: 1
            attention_block_types:
              - Temporal_Self
              - Temporal_Self
            temporal_position_encoding: true
            temporal_position_encoding_max_len: 24
            temporal_attention_dim_div: 1
            zero_initialize: true
        """;

    [Fact]
    public void FromYaml_TheOriginalsFile_GivesThePreset()
    {
        LatentSyncConfiguration configuration = LatentSyncConfiguration.FromYaml(Stage2Yaml);
        Assert.Equal(JsonSerializer.Serialize(UNet3DConfiguration.LatentSync15()), JsonSerializer.Serialize(configuration.Model));
        Assert.Equal(
            (512, 16, "latentsync/utils/mask.png"),
            (configuration.Resolution, configuration.FramesPerChunk, configuration.MaskImagePath)
        );
        Assert.Equal([2, 2], configuration.AudioFeatureLength!);
        Assert.Equal(1e-5, configuration.Model.NormEpsilon);
        Assert.Equal((24, 8), (configuration.Model.MaximumFrames, configuration.Model.SizeMultiple));
    }

    [Theory]
    [InlineData("", "no \"model:\" section")]
    [InlineData("model: {in_channels: 13}\n---\nmodel: {}", "a second YAML document")]
    [InlineData("model: [", "not valid YAML")]
    [InlineData("model: {norm_num_group: 8}", "the nearest known key is \"norm_num_groups\"")]
    [InlineData("model: {norm_eps: \"1e-5\"}", "norm_eps")]
    [InlineData("model: {in_channels: 1e30}", "in_channels")]
    public void FromYaml_UnusableText_SaysWhy(string yaml, string reason)
    {
        ModelConfigurationException error = Assert.Throws<ModelConfigurationException>(() => LatentSyncConfiguration.FromYaml(yaml));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromYaml_HostileText_IsRefusedBeforeItIsBuilt()
    {
        Assert.Throws<ModelConfigurationException>(() => LatentSyncConfiguration.FromYaml("model: " + new string('[', 5000)));
        Assert.Throws<ModelConfigurationException>(() =>
            LatentSyncConfiguration.FromYaml("model: [" + string.Join(',', Enumerable.Repeat("1", 20_000)) + "]")
        );
        Assert.Throws<ModelConfigurationException>(() => LatentSyncConfiguration.FromYaml(new string(' ', 2 << 20)));
        Assert.Throws<ModelConfigurationException>(() => LatentSyncConfiguration.FromFile("/no such folder/unet.yaml"));
    }

    [Theory]
    [InlineData("block_out_channels", "[320, 640, 1280]", "down_block_types has 4 entries, block_out_channels 3")]
    [InlineData("block_out_channels", "[330, 640, 1280, 1280]", "norm_num_groups (32) does not divide")]
    [InlineData("block_out_channels", "[99999999]", "block_out_channels")]
    [InlineData("layers_per_block", "0", "layers_per_block")]
    [InlineData("attention_head_dim", "[8, 8]", "attention_head_dim has 2 entries")]
    [InlineData("attention_head_dim", "2000", "it counts heads")]
    [InlineData("act_fn", "\"tanh\"", "silu, swish, gelu, relu, mish")]
    [InlineData("dual_cross_attention", "true", "the original implements nothing else")]
    [InlineData("class_embed_type", "\"timestep\"", "class labels are not supported")]
    [InlineData("num_class_embeds", "10", "class labels are not supported")]
    [InlineData("mid_block_type", "\"UNetMidBlock2D\"", "UNetMidBlock3DCrossAttn")]
    [InlineData("down_block_types", "[\"AttnDownBlock2D\"]", "\"CrossAttnDownBlock3D\" or \"DownBlock3D\"")]
    [InlineData("downsample_padding", "0", "downsample_padding is 0")]
    [InlineData("resnet_time_scale_shift", "\"ada_group\"", "\"default\" or \"scale_shift\"")]
    [InlineData("motion_module_type", "\"Fancy\"", "\"Vanilla\"")]
    [InlineData("motion_module_kwargs", "{\"attention_block_types\": [\"Temporal_Cross\"]}", "\"Temporal_Self\" in every entry")]
    [InlineData("motion_module_kwargs", "{\"num_heads\": 8}", "the nearest known key is \"num_attention_heads\"")]
    [InlineData("_class_name", "\"UNet2DConditionModel\"", "give the configuration of LatentSync's U-Net")]
    [InlineData("use_motion_module", "\"yes\"", "true or false")]
    public void FromJson_UnusableValue_SaysWhy(string key, string value, string reason)
    {
        JsonNode json = Stage2Json();
        json[key] = JsonNode.Parse(value);
        ModelConfigurationException error = Assert.Throws<ModelConfigurationException>(() => Read(json));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void FromJson_KeysWithoutInfluence_AreAccepted()
    {
        JsonNode json = Stage2Json();
        json["_diffusers_version"] = "0.32.2";
        json["upcast_attention"] = true;
        json["only_cross_attention"] = new JsonArray(true, false, true, false);
        json["class_embed_type"] = null;
        Assert.Equal(JsonSerializer.Serialize(UNet3DConfiguration.LatentSync15()), JsonSerializer.Serialize(Read(json)));
    }

    [Fact]
    public void FromJson_Nothing_GivesTheOriginalsDefaults()
    {
        UNet3DConfiguration defaults = Read(new JsonObject());
        Assert.Equal(
            (4, 1280, false, false),
            (defaults.InChannels, defaults.CrossAttentionDim, defaults.AddAudioLayer, defaults.UseMotionModule)
        );
        Assert.Equal((2, false), (defaults.MotionModule.BlockCount, defaults.MotionModule.PositionEncoding));
        Assert.Null(defaults.MaximumFrames);
    }

    [Theory]
    [InlineData("[2, 8]", false, false, "down_blocks.1 down_blocks.3 up_blocks.0 up_blocks.2")]
    [InlineData("[1]", false, true, "down_blocks.0 mid_block up_blocks.3")]
    [InlineData("[1, 2, 4, 8]", true, true, "mid_block up_blocks.0 up_blocks.1 up_blocks.2 up_blocks.3")]
    [InlineData("[]", false, false, "")]
    public void StateDict_MotionModuleKeys_SitWhereTheConfigurationSays(string resolutions, bool decoderOnly, bool mid, string blocks)
    {
        JsonNode json = Stage2Json();
        json["motion_module_resolutions"] = JsonNode.Parse(resolutions);
        json["motion_module_decoder_only"] = decoderOnly;
        json["motion_module_mid_block"] = mid;
        using UNet3DConditionModel network = UNet3DConditionModel.Create(Read(json), ScalarType.Float32, META);
        IEnumerable<string> found = network
            .state_dict()
            .Keys.Where(k => k.Contains(".motion_modules.", StringComparison.Ordinal))
            .Select(k => k[..k.IndexOf(".motion_modules", StringComparison.Ordinal)]);
        Assert.Equal(blocks.Split(' ', StringSplitOptions.RemoveEmptyEntries), found.Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void StateDict_ThreeLevels_CountsUpBlocksFromEightAsTheOriginalDoes()
    {
        UNet3DConfiguration configuration = UNet3DConfiguration.LatentSync15() with
        {
            BlockOutChannels = [32, 64, 96],
            DownBlockHasAttention = [false, true, false],
            UpBlockHasAttention = [true, false, true],
            HeadCounts = [1, 2, 3],
            MotionModuleResolutions = [8],
        };
        using UNet3DConditionModel network = UNet3DConditionModel.Create(configuration, ScalarType.Float32, META);
        string[] keys = [.. network.state_dict().Keys];
        Assert.All(keys.Where(k => k.Contains("motion_modules", StringComparison.Ordinal)), k => Assert.StartsWith("up_blocks.0.", k));
        Assert.Equal(
            ["down_blocks.1", "mid_block", "up_blocks.0", "up_blocks.2"],
            keys.Where(k => k.Contains(".attentions.0.norm.weight", StringComparison.Ordinal))
                .Select(k => k[..k.IndexOf(".att", StringComparison.Ordinal)])
                .Order(StringComparer.Ordinal)
        );
    }

    [Fact]
    public void StateDict_MotionModuleShape_FollowsItsSettings()
    {
        UNet3DConfiguration configuration = UNetFixtures.Small with
        {
            MotionModule = new MotionModuleConfiguration
            {
                HeadCount = 4,
                BlockCount = 2,
                AttentionCount = 3,
                WidthDivisor = 2,
                PositionEncoding = true,
                MaximumFrames = 9,
            },
        };
        using UNet3DConditionModel network = UNet3DConditionModel.Create(configuration, ScalarType.Float32, META);
        Dictionary<string, Tensor> state = network.state_dict();
        const string Transformer = "up_blocks.1.motion_modules.1.temporal_transformer";
        Assert.Equal([16, 32], state[$"{Transformer}.proj_in.weight"].shape);
        Assert.Equal([32, 16], state[$"{Transformer}.proj_out.weight"].shape);
        Assert.Equal([1, 9, 16], state[$"{Transformer}.transformer_blocks.1.attention_blocks.2.pos_encoder.pe"].shape);
        Assert.Equal([128, 16], state[$"{Transformer}.transformer_blocks.1.ff.net.0.proj.weight"].shape);
        Assert.DoesNotContain($"{Transformer}.transformer_blocks.2.ff_norm.weight", state.Keys);
    }

    private static JsonNode Stage2Json()
    {
        using GoldenFixture golden = new("unet_motion");
        JsonNode json = JsonNode.Parse(golden.Configuration.GetRawText())!;
        foreach (
            (string key, string value) in new[]
            {
                ("attention_head_dim", "8"),
                ("block_out_channels", "[320, 640, 1280, 1280]"),
                ("cross_attention_dim", "384"),
                ("layers_per_block", "2"),
                ("norm_num_groups", "32"),
                ("motion_module_resolutions", "[1, 2, 4, 8]"),
            }
        )
        {
            json[key] = JsonNode.Parse(value);
        }
        return json;
    }

    private static UNet3DConfiguration Read(JsonNode json)
    {
        using JsonDocument document = JsonDocument.Parse(json.ToJsonString());
        return UNet3DConfiguration.FromJson(document.RootElement);
    }
}
