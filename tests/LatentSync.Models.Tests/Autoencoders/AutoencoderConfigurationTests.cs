using System.Text.Json;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.Loading;

namespace LatentSync.Models.Tests.Autoencoders;

public sealed class AutoencoderConfigurationTests
{
    [Fact]
    public void FromJson_PublishedFile_TakesDefaultsForAbsentKeys()
    {
        AutoencoderConfiguration configuration = Parse(
            """
            {"_class_name":"AutoencoderKL","_diffusers_version":"0.4.2","act_fn":"silu","block_out_channels":[128,256,512,512],
            "down_block_types":["DownEncoderBlock2D","DownEncoderBlock2D","DownEncoderBlock2D","DownEncoderBlock2D"],
            "in_channels":3,"latent_channels":4,"layers_per_block":2,"norm_num_groups":32,"out_channels":3,"sample_size":256,
            "up_block_types":["UpDecoderBlock2D","UpDecoderBlock2D","UpDecoderBlock2D","UpDecoderBlock2D"]}
            """
        );
        Assert.Equal(0.18215, configuration.ScalingFactor);
        Assert.Equal(0, configuration.ShiftFactor);
        Assert.True(configuration.MidBlockAddAttention && configuration.UseQuantConv && configuration.UsePostQuantConv);
        Assert.Equal(8, configuration.DownsamplingFactor);
        Assert.Equal([128, 256, 512, 512], configuration.BlockOutChannels);
    }

    [Theory]
    [InlineData(
        """{"block_out_channels":[16,20],"norm_num_groups":8}""",
        "block_out_channels has 20, which norm_num_groups (8) does not divide"
    )]
    [InlineData("""{"block_out_channels":[]}""", "block_out_channels is [], but must be a list of 1 to 12 entries")]
    [InlineData("""{"block_out_channels":64}""", "block_out_channels is 64, but must be a list")]
    [InlineData("""{"block_out_channels":[64.5]}""", "block_out_channels is 64.5, but must be an integer from 1")]
    [InlineData("""{"latent_channels":0}""", "latent_channels is 0, but must be an integer from 1")]
    [InlineData("""{"latent_channels":99999999999}""", "latent_channels is 99999999999, but must be an integer")]
    [InlineData("""{"act_fn":"tanh"}""", "act_fn is \"tanh\", one of silu, swish, gelu, relu, mish is required")]
    [InlineData("""{"act_fn":3}""", "act_fn is 3, but must be a text")]
    [InlineData("""{"use_quant_conv":"yes"}""", "use_quant_conv is \"yes\", but must be true or false")]
    [InlineData("""{"scaling_factor":0}""", "scaling_factor is 0, a finite number other than 0")]
    [InlineData(
        """{"down_block_types":["DownEncoderBlock2D","DownEncoderBlock2D"]}""",
        "down_block_types is 2 entries, but must be one for each of the 1"
    )]
    [InlineData(
        """{"down_block_types":["DownBlock2D"]}""",
        "down_block_types is \"DownBlock2D\", but must be \"DownEncoderBlock2D\" or \"AttnDownEncoderBlock2D\""
    )]
    [InlineData("""{"_class_name":"UNet2DConditionModel"}""", "_class_name is \"UNet2DConditionModel\", but must be \"AutoencoderKL\"")]
    [InlineData("""[1]""", "is a JSON Array; it must be an object")]
    public void FromJson_ImpossibleValue_IsNamed(string json, string expected)
    {
        ModelConfigurationException exception = Assert.Throws<ModelConfigurationException>(() => Parse(json));
        Assert.Contains(expected, exception.Message);
    }

    [Fact]
    public void ToJson_ReadAgain_IsTheSame()
    {
        AutoencoderConfiguration configuration = Parse(
            """{"block_out_channels":[8,16],"norm_num_groups":4,"act_fn":"mish","scaling_factor":0.5,"shift_factor":-0.25,"mid_block_add_attention":false,"down_block_types":["DownEncoderBlock2D","AttnDownEncoderBlock2D"]}"""
        );
        Assert.Equal(configuration.ToJson(), Parse(configuration.ToJson()).ToJson());
        Assert.Contains("AttnDownEncoderBlock2D", configuration.ToJson());
        Assert.Equal(-0.25, Parse(configuration.ToJson()).ShiftFactor);
    }

    internal static AutoencoderConfiguration Parse(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return AutoencoderConfiguration.FromJson(document.RootElement);
    }
}
