using LatentSync.Doctor.Estimates;
using LatentSync.Models.UNets;

namespace LatentSync.Doctor.Tests;

public sealed class SyncCostTests
{
    [Fact]
    public void DenoisingFrame_WithoutTemporalLayers_IsStableDiffusions()
    {
        // Stable Diffusion 1.5's UNet at 64x64 latents takes 401 billion multiply-additions by its published profiles; ours has fewer audio
        // tokens.
        double flops = SyncCost.DenoisingFrame(UNet3DConfiguration.Stage1(), 64, 16).Total;

        Assert.InRange(flops, 0.78e12, 0.82e12);
    }

    [Fact]
    public void DenoisingFrame_TwiceTheSide_TakesFourTimesTheConvolutionsAndMoreOfTheAttention()
    {
        FlopCount small = SyncCost.DenoisingFrame(UNet3DConfiguration.LatentSync15(), 32, 16),
            large = SyncCost.DenoisingFrame(UNet3DConfiguration.LatentSync15(), 64, 16);

        Assert.Equal(4 * small.Convolutions, large.Convolutions);
        Assert.True(large.Products > 4 * small.Products, "the tokens' square");
    }

    [Fact]
    public void SecondOfVideo_Guidance_DoublesTheDenoisingOnly()
    {
        UNet3DConfiguration model = UNet3DConfiguration.LatentSync15();
        double plain = SyncCost.SecondOfVideo(model, 256, 20, guided: false).Total,
            guided = SyncCost.SecondOfVideo(model, 256, 20, guided: true).Total;
        double autoencoder = SyncCost.FramesPerSecond * SyncCost.AutoencoderFrame(256).Total;

        Assert.Equal(2 * (plain - autoencoder), guided - autoencoder, guided * 1e-12);
    }

    [Fact]
    public void Estimate_AtTheRatesOfTheAnchor_GivesTheMeasuredStep()
    {
        // 53 s for a guided step of 16 frames: 20 steps of 25 frames are 1656 s, and the autoencoder comes on top.
        double seconds = SyncEstimate.Of(new MachineSpeed(213e9, 159e9)).SecondsPerSecondOfVideo;

        Assert.InRange(seconds, 1656, 1656 * 1.15);
    }
}
