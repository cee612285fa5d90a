using LatentSync.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Tests.SyncNets;

/// <summary>The loss that a synchronisation network learns by, against central differences in float64.</summary>
public sealed class SyncLossGradientTests
{
    private const double Step = 1e-6,
        Tolerance = 1e-7;

    [Fact]
    public void Of_TrueAndFalsePairs_HasTheGradientOfItsDifferences()
    {
        using Generator generator = new(9);
        using Tensor visual = rand([5, 6], ScalarType.Float64, generator: generator).requires_grad_();
        using Tensor audio = rand([5, 6], ScalarType.Float64, generator: generator).requires_grad_();
        using Tensor labels = tensor(new double[] { 1, 0, 1, 1, 0 });
        SyncLoss.Of(visual, audio, labels).backward();
        foreach (Tensor variable in new[] { visual, audio })
        {
            for (long i = 0; i < variable.numel(); i++)
            {
                double expected = (Shifted(variable, i, Step) - Shifted(variable, i, -Step)) / (2 * Step);
                double actual = variable.grad!.flatten()[i].item<double>();
                Assert.True(Math.Abs(actual - expected) < Tolerance, $"{i}: {actual} against {expected}");
            }
        }

        double Shifted(Tensor variable, long at, double by)
        {
            using IDisposable noGrad = no_grad();
            using DisposeScope scope = NewDisposeScope();
            Tensor element = variable.view(-1).narrow(0, at, 1);
            double before = element.item<double>();
            element.fill_(before + by);
            double loss = SyncLoss.Of(visual, audio, labels).item<double>();
            element.fill_(before);
            return loss;
        }
    }

    [Fact]
    public void Of_NetworkThatKnowsNothing_IsTheLogarithmOfTwo()
    {
        // cosine 1/2 for every pair
        using Tensor visual = tensor(
            new double[,]
            {
                { 1, 0 },
                { 1, 0 },
            }
        );
        using Tensor audio = tensor(
            new double[,]
            {
                { 1, Math.Sqrt(3) },
                { 1, Math.Sqrt(3) },
            }
        );
        using Tensor labels = tensor(new double[] { 1, 0 });
        Assert.Equal(Math.Log(2), SyncLoss.Of(visual, audio, labels).item<double>(), 1e-12);
    }
}
