using LatentSync.Attention.Torch.Tensors;
using LatentSync.Models.Autoencoders;
using LatentSync.Training.Loops.Autoencoders;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Tests.Loops;

public sealed class LatentStandardizationTests
{
    [Fact]
    public void Fold_AnyAutoencoder_StandardisesLatentsAndKeepsThePictures()
    {
        AutoencoderConfiguration configuration = new()
        {
            BlockOutChannels = [8, 16],
            DownBlockHasAttention = [false, false],
            UpBlockHasAttention = [false, false],
            LayersPerBlock = 1,
            NormNumGroups = 4,
            LatentChannels = 3,
        };
        using AutoencoderKL network = AutoencoderKL.Create(configuration, ScalarType.Float64, CPU);
        network.InitializeForTraining(3);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(5, CPU);
        Tensor pixels = randn([4, 3, 16, 16], ScalarType.Float64, generator: generator);
        Tensor noise = randn([4, 3, 8, 8], ScalarType.Float64, generator: generator);
        (Tensor mean, Tensor logVariance) = network.Encode(pixels);
        Tensor before = network.Decode(AutoencoderKL.Sample(mean, logVariance, noise));
        Tensor flat = mean.transpose(0, 1).flatten(1);

        double factor = LatentStandardization.Fold(network, flat.mean([1]), flat.std(1, true, false));

        (Tensor newMean, Tensor newLogVariance) = network.Encode(pixels);
        Tensor newFlat = newMean.transpose(0, 1).flatten(1);
        Assert.Equal(1, factor);
        Assert.True(newFlat.mean([1]).abs().max().item<double>() < 1e-9);
        Assert.True(newFlat.std(1, true, false).Minus(1).abs().max().item<double>() < 1e-9);
        Tensor after = network.Decode(AutoencoderKL.Sample(newMean, newLogVariance, noise));
        Assert.True((after - before).abs().max().item<double>() < 1e-9);
    }

    [Fact]
    public void Fold_WithoutTheConvolutions_GivesOneFactor()
    {
        AutoencoderConfiguration configuration = new()
        {
            BlockOutChannels = [8],
            DownBlockHasAttention = [false],
            UpBlockHasAttention = [false],
            LayersPerBlock = 1,
            NormNumGroups = 4,
            UseQuantConv = false,
        };
        using AutoencoderKL network = AutoencoderKL.Create(configuration, ScalarType.Float32, CPU);
        network.InitializeForTraining(3);
        Assert.Equal(0.5, LatentStandardization.Fold(network, zeros([4]), ones([4]).Times(2)), 6);
    }
}
