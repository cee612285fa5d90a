using LatentSync.Models.Loading;
using LatentSync.Testing;
using LatentSync.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Tests.Losses;

/// <summary>The real layout of VGG-16 with random weights against loops in float64.</summary>
public sealed class LpipsLossTests : IClassFixture<LpipsLossTests.Files>
{
    private readonly Files _files;

    public LpipsLossTests(Files files) => _files = files;

    [Fact]
    public void Distances_RandomWeights_EqualLoopsInFloat64()
    {
        using LpipsLoss loss = LpipsLoss.Load(_files.Vgg, _files.Lpips, ScalarType.Float32, CPU);
        using DisposeScope scope = NewDisposeScope();
        (float[] left, float[] right) = (Pictures(1, 2 * 3 * 20 * 33), Pictures(2, 2 * 3 * 20 * 33));
        Tensor distances = loss.Distances(tensor(left).view(2, 3, 20, 33), tensor(right).view(2, 3, 20, 33));
        int size = left.Length / 2;
        double[] expected =
        [
            .. Enumerable.Range(0, 2).Select(i => Distance(left[(i * size)..][..size], right[(i * size)..][..size], 20, 33)),
        ];
        Assert.All(expected, value => Assert.InRange(value, 0.01, 10));
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(expected[i], distances[i].item<float>(), 1e-5 * expected[i]);
        }
        Tensor mean = loss.forward(tensor(left).view(2, 3, 20, 33), tensor(right).view(2, 3, 20, 33));
        Assert.Equal(expected.Average(), mean.item<float>(), 1e-5 * expected[0]);
    }

    [Fact]
    public void OfLowerHalf_IsTheLossOfTheRowsBelow()
    {
        using LpipsLoss loss = LpipsLoss.Load(_files.Vgg, _files.Lpips, ScalarType.Float32, CPU);
        using DisposeScope scope = NewDisposeScope();
        Tensor left = tensor(Pictures(1, 3 * 32 * 16)).view(1, 3, 32, 16);
        Tensor right = tensor(Pictures(2, 3 * 32 * 16)).view(1, 3, 32, 16);
        Tensor expected = loss.forward(left.narrow(2, 16, 16).clone(), right.narrow(2, 16, 16).clone());
        Assert.Equal(expected.item<float>(), loss.OfLowerHalf(left, right).item<float>(), 1e-6);
        left.narrow(2, 0, 16).zero_();
        Assert.Equal(expected.item<float>(), loss.OfLowerHalf(left, right).item<float>(), 1e-6);
    }

    [Fact]
    public void Forward_SamePicture_IsZeroAndSymmetricOtherwise()
    {
        using LpipsLoss loss = LpipsLoss.Load(_files.Vgg, _files.Lpips, ScalarType.Float32, CPU);
        using DisposeScope scope = NewDisposeScope();
        Tensor left = tensor(Pictures(1, 3 * 16 * 16)).view(1, 3, 16, 16);
        Tensor right = tensor(Pictures(2, 3 * 16 * 16)).view(1, 3, 16, 16);
        Assert.Equal(0, loss.forward(left, left.clone()).item<float>());
        Assert.Equal(loss.forward(left, right).item<float>(), loss.forward(right, left).item<float>(), 1e-7);
    }

    /// <summary>In float64: the derivative along a random direction is the difference quotient's.</summary>
    [Fact]
    public void Backward_Prediction_EqualsFiniteDifferencesAndLeavesTheNetworkAlone()
    {
        using LpipsLoss loss = LpipsLoss.Load(_files.Vgg, _files.Lpips, ScalarType.Float64, CPU);
        using DisposeScope scope = NewDisposeScope();
        Tensor left = tensor(Pictures(1, 3 * 16 * 16)).view(1, 3, 16, 16).to(ScalarType.Float64).requires_grad_();
        Tensor right = tensor(Pictures(2, 3 * 16 * 16)).view(1, 3, 16, 16).to(ScalarType.Float64);
        Tensor direction = tensor(Pictures(3, 3 * 16 * 16)).view(1, 3, 16, 16).to(ScalarType.Float64);
        loss.forward(left, right).backward();
        Tensor step = direction * tensor(1e-7);
        using IDisposable noGrad = no_grad();
        double above = loss.forward(left - step.neg(), right).item<double>();
        double below = loss.forward(left - step, right).item<double>();
        double derivative = (left.grad! * direction).sum().item<double>();
        Assert.Equal((above - below) / 2e-7, derivative, 1e-4 * Math.Abs(derivative));
        Assert.All(loss.parameters(), parameter => Assert.True(!parameter.requires_grad && parameter.grad is null));
    }

    /// <summary>Where all features are zero the length of the features has no derivative; the original's gradient is NaN there.</summary>
    [Fact]
    public void Backward_FeaturesAllZero_GradientIsFinite()
    {
        using TemporaryFolder folder = new();
        RandomWeights dead = PerceptualWeights.Vgg(7, bias: -100);
        using LpipsLoss loss = LpipsLoss.Load(dead.WriteSafetensors(folder, "vgg.safetensors"), _files.Lpips, ScalarType.Float32, CPU);
        using DisposeScope scope = NewDisposeScope();
        Tensor left = tensor(Pictures(1, 3 * 16 * 16)).view(1, 3, 16, 16).requires_grad_();
        Tensor value = loss.forward(left, zeros_like(left));
        value.backward();
        Assert.Equal(0, value.item<float>());
        Assert.Equal(0, left.grad!.abs().max().item<float>());
    }

    [Fact]
    public void Load_OtherFile_NamesItAndItsKeys()
    {
        CheckpointMismatchException exception = Assert.Throws<CheckpointMismatchException>(() =>
            LpipsLoss.Load(_files.Lpips, _files.Lpips, ScalarType.Float32, CPU)
        );
        Assert.Equal(_files.Lpips, exception.Path);
        Assert.Contains("features.0.weight", exception.Message, StringComparison.Ordinal);
        CheckpointMismatchException second = Assert.Throws<CheckpointMismatchException>(() =>
            LpipsLoss.Load(_files.Vgg, _files.Vgg, ScalarType.Float32, CPU)
        );
        Assert.Equal(5, second.Report.Missing.Count);
    }

    [Theory]
    [InlineData(1, 3, 15, 16)]
    [InlineData(1, 4, 16, 16)]
    public void Forward_WrongShape_SaysWhatIsRequired(long n, long channels, long height, long width)
    {
        using LpipsLoss loss = LpipsLoss.Load(_files.Vgg, _files.Lpips, ScalarType.Float32, CPU);
        using Tensor picture = zeros(n, channels, height, width);
        ArgumentException exception = Assert.Throws<ArgumentException>(() => loss.forward(picture, picture));
        Assert.Contains("sides of at least 16", exception.Message, StringComparison.Ordinal);
        using Tensor good = zeros(1, 3, 16, 16);
        Assert.Throws<ArgumentException>(() => loss.forward(good, picture));
    }

    [Fact]
    public void Forward_WithoutGradients_LeavesOnlyItsResult()
    {
        using LpipsLoss loss = LpipsLoss.Load(_files.Vgg, _files.Lpips, ScalarType.Float32, CPU);
        using Tensor picture = zeros(1, 3, 16, 16);
        loss.forward(picture, picture).Dispose();
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        loss.forward(picture, picture).Dispose();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    private static float[] Pictures(int seed, int count)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextDouble() - 1))];
    }

    private double Distance(float[] left, float[] right, int height, int width)
    {
        (double[] x, double[] y) = (Scaled(left), Scaled(right));
        (int stage, int channels) = (0, 3);
        double total = 0;
        foreach ((int index, int inputs, int outputs) in PerceptualWeights.VggLayers)
        {
            if (index < 0)
            {
                total += StageDistance(x, y, _files.LpipsWeights[$"lin{stage}.model.1.weight"], height * width);
                stage++;
                if (stage < 5)
                {
                    (x, y) = (Pool(x, channels, height, width), Pool(y, channels, height, width));
                    (height, width) = (height / 2, width / 2);
                }
                continue;
            }
            (float[] weight, float[] bias) = (_files.VggWeights[$"features.{index}.weight"], _files.VggWeights[$"features.{index}.bias"]);
            (x, y) = (Convolve(x, weight, bias, inputs, outputs, height, width), Convolve(y, weight, bias, inputs, outputs, height, width));
            channels = outputs;
        }
        return total;
    }

    private static double[] Scaled(float[] picture)
    {
        double[] shift = [-0.030, -0.088, -0.188],
            scale = [0.458, 0.448, 0.450];
        int area = picture.Length / 3;
        return [.. picture.Select((value, i) => (value - shift[i / area]) / scale[i / area])];
    }

    private static double[] Convolve(double[] input, float[] weight, float[] bias, int inputs, int outputs, int height, int width)
    {
        double[] result = new double[outputs * height * width];
        for (int o = 0; o < outputs; o++)
        {
            for (int row = 0; row < height; row++)
            {
                for (int column = 0; column < width; column++)
                {
                    double sum = bias[o];
                    for (int i = 0; i < inputs; i++)
                    {
                        for (int k = 0; k < 9; k++)
                        {
                            (int r, int c) = (row + k / 3 - 1, column + k % 3 - 1);
                            if (r >= 0 && r < height && c >= 0 && c < width)
                            {
                                sum += weight[(o * inputs + i) * 9 + k] * input[(i * height + r) * width + c];
                            }
                        }
                    }
                    result[(o * height + row) * width + column] = Math.Max(sum, 0);
                }
            }
        }
        return result;
    }

    private static double[] Pool(double[] input, int channels, int height, int width)
    {
        (int h, int w) = (height / 2, width / 2);
        double[] result = new double[channels * h * w];
        for (int i = 0; i < result.Length; i++)
        {
            (int c, int row, int column) = (i / (h * w), i / w % h, i % w);
            double At(int r, int k) => input[(c * height + 2 * row + r) * width + 2 * column + k];
            result[i] = Math.Max(Math.Max(At(0, 0), At(0, 1)), Math.Max(At(1, 0), At(1, 1)));
        }
        return result;
    }

    private static double StageDistance(double[] x, double[] y, float[] weights, int area)
    {
        double total = 0;
        for (int position = 0; position < area; position++)
        {
            double Length(double[] features) =>
                Math.Sqrt(Enumerable.Range(0, weights.Length).Sum(c => features[c * area + position] * features[c * area + position]))
                + 1e-10;
            (double lengthX, double lengthY) = (Length(x), Length(y));
            for (int c = 0; c < weights.Length; c++)
            {
                double difference = x[c * area + position] / lengthX - y[c * area + position] / lengthY;
                total += weights[c] * difference * difference;
            }
        }
        return total / area;
    }

    /// <summary>The two files, written once: torchvision's layout with a classifier's key, and the package's.</summary>
    public sealed class Files : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Files()
        {
            VggWeights = PerceptualWeights.Vgg(7, bias: 0.1).Add("classifier.6.bias", 1, 0, 10);
            LpipsWeights = PerceptualWeights.Linear(8);
            Vgg = VggWeights.WriteSafetensors(_folder, "vgg16.safetensors");
            Lpips = LpipsWeights.WriteTorch(_folder, "vgg.pth");
        }

        internal RandomWeights VggWeights { get; }

        internal RandomWeights LpipsWeights { get; }

        public string Vgg { get; }

        public string Lpips { get; }

        public void Dispose() => _folder.Dispose();
    }
}
