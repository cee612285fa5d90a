using LatentSync.Models.Loading;
using LatentSync.Models.SyncNets;

namespace LatentSync.Models.Tests.SyncNets;

public sealed class SyncNetConfigurationTests
{
    private const string Released = """
        model:
          audio_encoder: # input (1, 80, 52)
            in_channels: 1
            block_out_channels: [32, 64, 128, 256, 512, 1024, 2048]
            downsample_factors: [[2, 1], 2, 2, 1, 2, 2, [2, 3]]
            attn_blocks: [0, 0, 0, 1, 1, 0, 0]
            dropout: 0.0
          visual_encoder: # input (48, 128, 256)
            in_channels: 48
            block_out_channels: [64, 128, 256, 256, 512, 1024, 2048, 2048]
            downsample_factors: [[1, 2], 2, 2, 2, 2, 2, 2, 2]
            attn_blocks: [0, 0, 0, 0, 1, 1, 0, 0]
            dropout: 0.0
        ckpt:
          resume_ckpt_path: ""
        data:
          num_frames: 16
          resolution: 256
          lower_half: true
          latent_space: false
        optimizer:
          lr: 1e-5
        """;

    [Fact]
    public void FromYaml_TheReleasedFile_IsThePreset() =>
        AssertSame(SyncNetConfiguration.StableSyncNet(), SyncNetConfiguration.FromYaml(Released));

    /// <summary>In channels, height, width, columns of the sound; frames and whether they are latents.</summary>
    [Theory]
    [InlineData(64, 32, 32, 52, 16, true)]
    [InlineData(20, 32, 32, 16, 5, true)]
    [InlineData(20, 32, 32, 52, 5, true)]
    [InlineData(80, 16, 32, 16, 5, true)]
    [InlineData(15, 128, 256, 16, 5, false)]
    [InlineData(48, 128, 256, 52, 16, false)]
    [InlineData(12, 64, 64, 52, 4, false)]
    [InlineData(7, 32, 32, 52, 1, true)]
    public void FitTo_TheTensors_GivesFramesAndChannels(int channels, int height, int width, int columns, int frames, bool isLatent)
    {
        SyncNetConfiguration encoders = SyncNetConfiguration.Latents16();
        encoders = encoders with { Visual = encoders.Visual with { InChannels = channels } };
        SyncNetConfiguration fitted = encoders.FitTo([2, channels, height, width], [2, 1, 80, columns]);
        Assert.Equal(
            (frames, isLatent, height, width, columns),
            (fitted.NumFrames, fitted.LatentSpace, fitted.VisualHeight, fitted.VisualWidth, fitted.AudioColumns)
        );
        Assert.Throws<ModelConfigurationException>(() => encoders.FitTo([2, channels + 1, height, width], [2, 1, 80, columns]));
    }

    [Fact]
    public void FromYaml_NoNumberOfFrames_TakesThatOfTheChannels()
    {
        Assert.Equal(
            16,
            SyncNetConfiguration
                .FromYaml(Released.Replace("  num_frames: 16\n", "", StringComparison.Ordinal).ReplaceLineEndings("\n"))
                .NumFrames
        );
        string latents = SyncNetConfiguration.Latents16().ToJson().Replace("\"num_frames\": 16,", "", StringComparison.Ordinal);
        Assert.Equal((16, true), (SyncNetConfiguration.FromYaml(latents).NumFrames, SyncNetConfiguration.FromYaml(latents).LatentSpace));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void ToJson_AnyPreset_ComesBackTheSame(int preset)
    {
        SyncNetConfiguration configuration = SyncNetConfiguration.Presets[preset].Configuration;
        configuration.Validate();
        AssertSame(configuration, SyncNetConfiguration.FromYaml(configuration.ToJson()));
    }

    [Fact]
    public void FromYaml_TheOriginalsPresetWithoutAttnBlocks_HasNoAttention()
    {
        SyncNetConfiguration configuration = SyncNetConfiguration.FromYaml(
            """
            model:
              audio_encoder: { in_channels: 1, block_out_channels: [64, 128, 256, 256, 512, 1024], downsample_factors: [2, 2, 2, 2, 2, 2] }
              visual_encoder:
                in_channels: 75
                block_out_channels: [128, 128, 256, 256, 512, 512, 1024, 1024]
                downsample_factors: [[1, 2], 2, 2, 2, 2, 2, 2, 2]
            data: { num_frames: 25, resolution: 256, lower_half: true }
            """
        );
        Assert.DoesNotContain(true, configuration.Audio.AttentionBlocks.Concat(configuration.Visual.AttentionBlocks));
        Assert.Equal(80, configuration.AudioColumns);
    }

    [Theory]
    [InlineData(16, 52)]
    [InlineData(25, 80)]
    [InlineData(5, 16)]
    public void AudioColumns_OfFrames_AreRoundedUp(int frames, int columns) =>
        Assert.Equal(columns, (SyncNetConfiguration.StableSyncNet() with { NumFrames = frames }).AudioColumns);

    [Theory]
    [InlineData("resolution: 256", "resolution: 128", "the visual encoder turns its input of 64 x 128 into 0 x 0")]
    [InlineData("lower_half: true", "lower_half: false", "the visual encoder turns its input of 256 x 256 into 2 x 1")]
    [InlineData("num_frames: 16", "num_frames: 8", "in_channels is 48; 8 frames (num_frames) of 3 channels are 24")]
    [InlineData("1024, 2048]", "1024, 1024]", "the audio encoder ends with 1024 channels, the visual one with 2048")]
    [InlineData("[32, 64,", "[33, 64,", "block_out_channels has 33; multiples of 32")]
    [InlineData("2, 2, [2, 3]]", "2, 2]", "downsample_factors 6, attn_blocks 7")]
    [InlineData("2, 2, [2, 3]]", "2, 2, [1, 1]]", "downsample_factors is [1,1], but must be 1 where a block keeps the size")]
    [InlineData("2, 2, [2, 3]]", "2, 2, 0]", "downsample_factors is 0, but must be a factor from 1 to 64")]
    [InlineData("2, 2, [2, 3]]", "2, 2, [2, 1]]", "the audio encoder turns its input of 80 x 52 into 1 x 3")]
    [InlineData("dropout: 0.0", "dropout: 0.1", "dropout is 0.1, but must be 0")]
    [InlineData("dropout: 0.0", "dropuot: 0.0", "the key \"dropuot\" is unknown; the nearest known key is \"dropout\"")]
    [InlineData("model:", "modell:", "has no \"model:\" section")]
    public void FromYaml_ChangedPart_IsRefusedWithTheReason(string part, string replacement, string reason)
    {
        int at = Released.IndexOf(part, StringComparison.Ordinal);
        string changed = Released[..at] + replacement + Released[(at + part.Length)..];
        Assert.Contains(reason, Assert.Throws<ModelConfigurationException>(() => SyncNetConfiguration.FromYaml(changed)).Message);
    }

    [Fact]
    public void Validate_LastNormOfSingleNumbers_IsRefused()
    {
        SyncNetEncoderConfiguration audio = SyncNetFixtures.Small.Audio with { BlockOutChannels = [32, 32, 32, 32] };
        SyncNetEncoderConfiguration visual = SyncNetFixtures.Small.Visual with { BlockOutChannels = [32, 64, 32] };
        SyncNetConfiguration narrow = SyncNetFixtures.Small with { Audio = audio, Visual = visual };
        Assert.Contains("a group of one number is always 0", Assert.Throws<ModelConfigurationException>(narrow.Validate).Message);
    }

    private static void AssertSame(SyncNetConfiguration expected, SyncNetConfiguration actual)
    {
        Assert.Equal(expected.ToJson(), actual.ToJson());
        Assert.Equal(expected.AudioColumns, actual.AudioColumns);
        Assert.Equal((expected.VisualHeight, expected.VisualWidth), (actual.VisualHeight, actual.VisualWidth));
    }
}
