using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.Gradients;

/// <summary>A block of the audio encoder, in float64.</summary>
public sealed class WhisperGradientTests
{
    public static TheoryData<string> Backends => TrainingBackends.Names;

    [Theory]
    [MemberData(nameof(Backends))]
    public void Backward_Block_EqualsFiniteDifferences(string backend)
    {
        using IDisposable use = TrainingBackends.Use(backend);
        using WhisperBlock block = new(12, 3, ScalarType.Float64, CPU);
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(5);
        ModelLayer.InitializeAll(block, generator);
        Tensor input = UNetGradientTests.Noise(1, 2, 7, 12);
        DirectionalDerivative.AssertEqualsAutograd(
            () => block.call(input),
            [("input", input), .. block.named_parameters().Select(p => (p.name, (Tensor)p.parameter))]
        );
    }
}
