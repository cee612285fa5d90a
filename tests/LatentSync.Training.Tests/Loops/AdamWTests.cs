using LatentSync.Attention.Torch.Tensors;
using LatentSync.Training.Loops;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using AdamW = LatentSync.Training.Loops.AdamW;

namespace LatentSync.Training.Tests.Loops;

public sealed class AdamWTests
{
    [Fact]
    public void Step_ManySteps_EqualsTheFormulaInDouble()
    {
        using Parameter weights = new(tensor(new[] { 1.0, -2.0, 0.5 }));
        AdamWOptions options = new() { WeightDecay = 0.03 };
        using AdamW optimizer = new([KeyValuePair.Create("w", weights)], options);
        double[] w = [1, -2, 0.5],
            m = new double[3],
            v = new double[3];
        for (int step = 1; step <= 25; step++)
        {
            double rate = 0.01 * step;
            using (DisposeScope scope = NewDisposeScope())
            {
                optimizer.ZeroGradients();
                (weights * weights * weights).sum().backward();
                optimizer.Step(rate);
            }
            for (int i = 0; i < 3; i++)
            {
                double g = 3 * w[i] * w[i];
                m[i] = options.Beta1 * m[i] + (1 - options.Beta1) * g;
                v[i] = options.Beta2 * v[i] + (1 - options.Beta2) * g * g;
                double first = m[i] / (1 - Math.Pow(options.Beta1, step)),
                    second = v[i] / (1 - Math.Pow(options.Beta2, step));
                w[i] = w[i] * (1 - rate * options.WeightDecay) - rate * first / (Math.Sqrt(second) + options.Epsilon);
            }
        }
        double[] actual = weights.detach().data<double>().ToArray();
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(w[i], actual[i], 10);
        }
    }

    [Fact]
    public void ClipGradients_NormAboveLimit_ScalesAllTogether()
    {
        using Parameter a = new(zeros([2])),
            b = new(zeros([1]));
        using AdamW optimizer = new([KeyValuePair.Create("a", a), KeyValuePair.Create("b", b)]);
        using DisposeScope scope = NewDisposeScope();
        a.sum().Times(3).Plus(b.sum().Times(4)).backward();
        Assert.Equal(Math.Sqrt(9 + 9 + 16), optimizer.ClipGradients(null), 5);
        Assert.Equal(Math.Sqrt(34), optimizer.ClipGradients(1.0), 5);
        Assert.Equal(1.0, optimizer.ClipGradients(null), 4);
        Assert.Equal(3 / Math.Sqrt(34), a.grad!.data<float>()[1], 4);
    }

    [Fact]
    public void Average_Updates_FollowTheRisingDecay()
    {
        using Parameter weights = new(zeros([1]));
        using Ema average = new([KeyValuePair.Create("w", weights)], 0.9);
        double expected = 0;
        for (int n = 1; n <= 200; n++)
        {
            using (no_grad())
            {
                weights.fill_(Scalars.Of((double)n));
            }
            average.Update();
            double decay = Math.Min(0.9, (1.0 + n) / (10.0 + n));
            expected = decay * expected + (1 - decay) * n;
        }
        using (average.Apply())
        {
            Assert.Equal(expected, weights.item<float>(), 3);
        }
        Assert.Equal(200, weights.item<float>());
    }

    [Theory]
    [InlineData(LearningRateKind.Constant, 1, 0.2 / 11)]
    [InlineData(LearningRateKind.Constant, 10, 2.0 / 11)]
    [InlineData(LearningRateKind.Constant, 11, 0.2)]
    [InlineData(LearningRateKind.Constant, 110, 0.2)]
    [InlineData(LearningRateKind.Linear, 61, 0.1)]
    [InlineData(LearningRateKind.Linear, 111, 0)]
    [InlineData(LearningRateKind.Cosine, 61, 0.1)]
    [InlineData(LearningRateKind.Cosine, 36, 0.17071067811865476)]
    public void Schedule_Step_HasTheRate(LearningRateKind kind, long step, double expected) =>
        Assert.Equal(expected, new LearningRateSchedule(kind, 0.2, 10, 110).At(step), 12);
}
