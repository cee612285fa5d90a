using LatentSync.Models.Loading;
using LatentSync.Testing;
using LatentSync.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Tests.Losses;

/// <summary>A narrow network of two blocks against loops in float64.</summary>
public sealed class TrepaLossTests
{
    private const int Width = PerceptualWeights.Width,
        Heads = 3,
        Hidden = PerceptualWeights.Hidden,
        Depth = PerceptualWeights.Depth,
        Side = PerceptualWeights.Side,
        Grid = 4;

    [Theory]
    [InlineData("module", 16)]
    [InlineData("model", 16)]
    [InlineData(null, 16)]
    [InlineData("module", 4)]
    public void Features_RandomWeights_EqualLoopsInFloat64(string? inside, int frames)
    {
        using TemporaryFolder folder = new();
        RandomWeights weights = Weights();
        using TrepaLoss loss = TrepaLoss.Load(weights.WriteTorch(folder, "vit.pth", inside), ScalarType.Float32, CPU, Heads);
        Assert.Equal((Width, Depth, Heads, Hidden, Side, 2), Summary(loss.Configuration));
        using DisposeScope scope = NewDisposeScope();
        float[] pictures = Pictures(1, frames * 3 * 224 * 224);
        using Tensor features = loss.Features(tensor(pictures).view(frames, 3, 224, 224), frames);
        double[] expected = Features(weights, pictures, frames);
        Assert.Equal([1, Width], features.shape);
        for (int i = 0; i < Width; i++)
        {
            Assert.Equal(expected[i], features[0, i].item<float>(), 2e-5);
        }
    }

    [Fact]
    public void Forward_TwoClips_IsTheMeanSquareOfTheUnitFeatures()
    {
        using TemporaryFolder folder = new();
        using TrepaLoss loss = TrepaLoss.Load(Weights().WriteTorch(folder, "vit.pth"), ScalarType.Float32, CPU, Heads);
        using DisposeScope scope = NewDisposeScope();
        Tensor left = tensor(Pictures(1, 8 * 3 * 30 * 40)).view(8, 3, 30, 40);
        Tensor right = tensor(Pictures(2, 8 * 3 * 30 * 40)).view(8, 3, 30, 40);
        double[] x = [.. loss.Features(left, 4).to(ScalarType.Float64).data<double>()];
        double[] y = [.. loss.Features(right, 4).to(ScalarType.Float64).data<double>()];
        double expected = 0;
        for (int clip = 0; clip < 2; clip++)
        {
            double[] a = x[(clip * Width)..][..Width],
                b = y[(clip * Width)..][..Width];
            (double lengthA, double lengthB) = (Math.Sqrt(a.Sum(v => v * v)), Math.Sqrt(b.Sum(v => v * v)));
            expected += a.Zip(b, (v, w) => Math.Pow(v / lengthA - w / lengthB, 2)).Sum() / (2 * Width);
        }
        Assert.Equal(expected, loss.forward(left, right, 4).item<float>(), 1e-5 * expected + 1e-9);
        Assert.Equal(0, loss.forward(left, left, 4).item<float>());
    }

    [Fact]
    public void Features_OtherSizeAndRange_AreThoseOfTheResizedClampedFrames()
    {
        using TemporaryFolder folder = new();
        using TrepaLoss loss = TrepaLoss.Load(Weights().WriteTorch(folder, "vit.pth"), ScalarType.Float32, CPU, Heads);
        using DisposeScope scope = NewDisposeScope();
        Tensor small = tensor(Pictures(1, 2 * 3 * 30 * 40)).view(2, 3, 30, 40) * tensor(1.5f);
        Tensor resized = nn.functional.interpolate(small, [224, 224], mode: InterpolationMode.Bicubic, align_corners: false);
        Tensor clamped = minimum(maximum(resized, tensor(-1f)), tensor(1f));
        Assert.True((resized - clamped).abs().max().item<float>() > 0.1);
        Assert.True((loss.Features(small, 2) - loss.Features(clamped, 2)).abs().max().item<float>() < 1e-6);
    }

    [Fact]
    public void Backward_Prediction_EqualsFiniteDifferencesAndLeavesTheNetworkAlone()
    {
        using TemporaryFolder folder = new();
        using TrepaLoss loss = TrepaLoss.Load(Weights().WriteTorch(folder, "vit.pth"), ScalarType.Float64, CPU, Heads);
        using DisposeScope scope = NewDisposeScope();
        Tensor left = (tensor(Pictures(1, 2 * 3 * 20 * 20)).view(2, 3, 20, 20).to(ScalarType.Float64) * tensor(0.5)).requires_grad_();
        Tensor right = tensor(Pictures(2, 2 * 3 * 20 * 20)).view(2, 3, 20, 20).to(ScalarType.Float64);
        Tensor direction = tensor(Pictures(3, 2 * 3 * 20 * 20)).view(2, 3, 20, 20).to(ScalarType.Float64);
        loss.forward(left, right, 2).backward();
        Tensor step = direction * tensor(1e-5);
        using IDisposable noGrad = no_grad();
        double above = loss.forward(left - step.neg(), right, 2).item<double>();
        double below = loss.forward(left - step, right, 2).item<double>();
        double derivative = (left.grad! * direction).sum().item<double>();
        Assert.Equal((above - below) / 2e-5, derivative, 1e-4 * Math.Abs(derivative));
        Assert.All(loss.parameters(), parameter => Assert.True(!parameter.requires_grad && parameter.grad is null));
    }

    [Fact]
    public void Load_MissingWeight_IsRefused()
    {
        using TemporaryFolder folder = new();
        RandomWeights weights = Weights();
        weights.Remove("blocks.1.attn.v_bias");
        string path = weights.WriteTorch(folder, "vit.pth", "module");
        CheckpointMismatchException exception = Assert.Throws<CheckpointMismatchException>(() =>
            TrepaLoss.Load(path, ScalarType.Float32, CPU, Heads)
        );
        Assert.Equal(["blocks.1.attn.v_bias"], exception.Report.Missing);
    }

    [Fact]
    public void Load_UnknownWeight_IsRefused()
    {
        using TemporaryFolder folder = new();
        string path = Weights().Add("blocks.0.gamma_1", 1, 0, Width).WriteTorch(folder, "vit.pth", "module");
        CheckpointMismatchException exception = Assert.Throws<CheckpointMismatchException>(() =>
            TrepaLoss.Load(path, ScalarType.Float32, CPU, Heads)
        );
        Assert.Equal(["blocks.0.gamma_1"], exception.Report.Unexpected);
    }

    [Fact]
    public void Load_OtherFile_SaysWhatIsMissing()
    {
        using TemporaryFolder folder = new();
        string path = new RandomWeights(1).Add("conv_in.weight", 1, 0, 3).WriteTorch(folder, "other.pth");
        ModelConfigurationException exception = Assert.Throws<ModelConfigurationException>(() =>
            TrepaLoss.Load(path, ScalarType.Float32, CPU)
        );
        Assert.Contains("patch_embed.proj.weight", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(5, "5 heads do not divide the width 12")]
    [InlineData(0, "0 heads do not divide the width 12")]
    public void Load_HeadsThatDoNotFit_IsRefused(int heads, string expected)
    {
        using TemporaryFolder folder = new();
        string path = Weights().WriteTorch(folder, "vit.pth");
        ModelConfigurationException exception = Assert.Throws<ModelConfigurationException>(() =>
            TrepaLoss.Load(path, ScalarType.Float32, CPU, heads)
        );
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Forward_FramesThatDoNotFit_AreRefused()
    {
        using TemporaryFolder folder = new();
        using TrepaLoss loss = TrepaLoss.Load(Weights().WriteTorch(folder, "vit.pth"), ScalarType.Float32, CPU, Heads);
        using Tensor frames = zeros(6, 3, 16, 16);
        Assert.Throws<ArgumentException>(() => loss.forward(frames, frames, 3)); // odd
        Assert.Throws<ArgumentException>(() => loss.forward(frames, frames, 4)); // 6 is no multiple
        using Tensor fewer = zeros(4, 3, 16, 16);
        Assert.Throws<ArgumentException>(() => loss.forward(frames, fewer, 2));
    }

    private static (int, int, int, int, int, int) Summary(VideoTransformerConfiguration c) =>
        (c.Width, c.Depth, c.HeadCount, c.HiddenWidth, c.PatchSide, c.PatchFrames);

    private static float[] Pictures(int seed, int count)
    {
        Random random = new(seed);
        float[] pictures = new float[count];
        for (int i = 0; i < count; i++)
        {
            pictures[i] = (float)(2 * random.NextDouble() - 1);
        }
        return pictures;
    }

    private static RandomWeights Weights() => PerceptualWeights.VideoTransformer(4);

    private static double[] Features(RandomWeights weights, float[] pictures, int frames)
    {
        int steps = frames / 2,
            count = steps * Grid * Grid;
        double[][] tokens = new double[count][];
        for (int token = 0; token < count; token++)
        {
            (int t, int row, int column) = (token / (Grid * Grid), token / Grid % Grid, token % Grid);
            tokens[token] = new double[Width];
            for (int c = 0; c < Width; c++)
            {
                tokens[token][c] = Patch(weights, pictures, t, row, column, c) + Position(t, steps, row * Grid + column, c);
            }
        }
        for (int block = 0; block < Depth; block++)
        {
            string name = $"blocks.{block}.";
            double[][] attended = Attend(weights, name + "attn.", [.. tokens.Select(x => Norm(weights, name + "norm1", x))]);
            tokens = [.. tokens.Zip(attended, Sum)];
            tokens = [.. tokens.Select(x => Sum(x, Mlp(weights, name + "mlp.", Norm(weights, name + "norm2", x))))];
        }
        double[] mean = [.. Enumerable.Range(0, Width).Select(c => tokens.Average(x => x[c]))];
        return Norm(weights, "fc_norm", mean);
    }

    private static double Patch(RandomWeights weights, float[] pictures, int t, int row, int column, int c)
    {
        float[] kernel = weights["patch_embed.proj.weight"];
        double sum = weights["patch_embed.proj.bias"][c];
        for (int i = 0; i < 3 * 2 * Side * Side; i++)
        {
            (int colour, int frame, int y, int x) = (i / (2 * Side * Side), i / (Side * Side) % 2, i / Side % Side, i % Side);
            int pixel = (((2 * t + frame) * 3 + colour) * 224 + row * Side + y) * 224 + column * Side + x;
            sum += kernel[c * 3 * 2 * Side * Side + i] * (pictures[pixel] / 2.0 + 0.5);
        }
        return sum;
    }

    // The table is made for 8 steps; others lie between them, cell middles on cell middles.
    private static double Position(int t, int steps, int place, int c)
    {
        double At(int step)
        {
            double angle = (step * Grid * Grid + place) / Math.Pow(10000, 2 * (c / 2) / (double)Width);
            return c % 2 == 0 ? Math.Sin(angle) : Math.Cos(angle);
        }
        double source = Math.Max((t + 0.5) * 8 / steps - 0.5, 0);
        int below = (int)source;
        return At(below) + (source - below) * (At(Math.Min(below + 1, 7)) - At(below));
    }

    private static double[][] Attend(RandomWeights weights, string name, double[][] tokens)
    {
        double[][] projected = [.. tokens.Select(x => Linear(weights[name + "qkv.weight"], null, x))];
        (float[] queryBias, float[] valueBias) = (weights[name + "q_bias"], weights[name + "v_bias"]);
        const int HeadDim = Width / Heads;
        double[][] joined = [.. tokens.Select(_ => new double[Width])];
        for (int head = 0; head < Heads; head++)
        {
            for (int i = 0; i < tokens.Length; i++)
            {
                double[] scores =
                [
                    .. projected.Select(other =>
                        Enumerable
                            .Range(head * HeadDim, HeadDim)
                            .Sum(c => (projected[i][c] + queryBias[c]) * other[Width + c] / Math.Sqrt(HeadDim))
                    ),
                ];
                double[] exponentials = [.. scores.Select(score => Math.Exp(score - scores.Max()))];
                double sum = exponentials.Sum();
                for (int c = head * HeadDim; c < (head + 1) * HeadDim; c++)
                {
                    joined[i][c] = projected.Select((other, j) => exponentials[j] / sum * (other[2 * Width + c] + valueBias[c])).Sum();
                }
            }
        }
        return [.. joined.Select(x => Linear(weights[name + "proj.weight"], weights[name + "proj.bias"], x))];
    }

    private static double[] Mlp(RandomWeights weights, string name, double[] x)
    {
        double[] hidden = Linear(weights[name + "fc1.weight"], weights[name + "fc1.bias"], x);
        return Linear(weights[name + "fc2.weight"], weights[name + "fc2.bias"], [.. hidden.Select(v => v * NormalDistribution(v))]);
    }

    private static double[] Norm(RandomWeights weights, string name, double[] x)
    {
        double mean = x.Average(),
            variance = x.Average(v => (v - mean) * (v - mean));
        return [.. x.Select((v, i) => (v - mean) / Math.Sqrt(variance + 1e-6) * weights[name + ".weight"][i] + weights[name + ".bias"][i])];
    }

    private static double[] Linear(float[] weight, float[]? bias, double[] x) =>
        [
            .. Enumerable
                .Range(0, weight.Length / x.Length)
                .Select(o => (bias?[o] ?? 0) + x.Select((v, i) => v * weight[o * x.Length + i]).Sum()),
        ];

    private static double[] Sum(double[] x, double[] y) => [.. x.Zip(y, (v, w) => v + w)];

    // Φ by its series: x φ(x) Σ x^2n / (1·3·5···(2n+1)) + 1/2
    private static double NormalDistribution(double x)
    {
        (double term, double sum) = (x, x);
        for (int n = 1; n < 200; n++)
        {
            term *= x * x / (2 * n + 1);
            sum += term;
        }
        return 0.5 + sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI);
    }
}
