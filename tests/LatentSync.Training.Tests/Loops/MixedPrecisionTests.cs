using LatentSync.Training.Loops;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Training.Tests.Loops;

public sealed class MixedPrecisionTests
{
    [Fact]
    public void Float32_IsOneNetwork()
    {
        using MixedPrecision<Linear> networks = new(
            nn.Linear(3, 2),
            ScalarType.Float32,
            _ => throw new InvalidOperationException("not needed")
        );
        Assert.Same(networks.Master, networks.Working);
        networks.Refresh();
        networks.CollectGradients();
    }

    [Fact]
    public void BFloat16_ComputesWithRoundedWeightsAndGathersGradientsInFloat32()
    {
        using Generator generator = new(4);
        using DisposeScope scope = NewDisposeScope();
        Linear master = nn.Linear(64, 48);
        using (no_grad())
        {
            master.weight!.copy_(randn([48, 64], generator: generator));
            master.bias!.copy_(randn([48], generator: generator));
        }
        master.bias!.requires_grad = false;
        using MixedPrecision<Linear> networks = new(master, ScalarType.BFloat16, type => nn.Linear(64, 48, dtype: type));
        Tensor input = randn([8, 64], generator: generator),
            towards = randn([8, 48], generator: generator);
        for (int batch = 0; batch < 2; batch++)
        {
            networks.Refresh();
            (networks.Working.forward(input.to(ScalarType.BFloat16)).to(ScalarType.Float32) * towards).sum().backward();
            networks.CollectGradients();
        }

        Assert.True(networks.Working.weight!.eq(master.weight!.to(ScalarType.BFloat16)).all().item<bool>());
        Assert.Null(networks.Working.weight!.grad);
        Assert.Null(master.bias!.grad); // frozen
        Tensor gradient = master.weight!.grad!,
            expected = towards.t().matmul(input) * tensor(2f);
        Assert.Equal(ScalarType.Float32, gradient.dtype);
        double error = ((gradient - expected).norm() / expected.norm()).item<float>();
        Assert.InRange(error, 1e-5, 1e-2); // bfloat16's rounding is seen, and nothing worse
    }
}
