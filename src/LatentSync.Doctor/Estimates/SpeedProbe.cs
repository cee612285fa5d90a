using System.Runtime.CompilerServices;
using LatentSync.Attention.Problems;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Doctor.Estimates;

/// <summary>Measures how fast libtorch multiplies and convolves here: a second, not a benchmark.</summary>
internal static class SpeedProbe
{
    private const int Side = 1024;
    private const int Channels = 320,
        Frames = 8,
        Latents = 32;
    private const int FewestRuns = 3,
        MostRuns = 50;
    private static readonly TimeSpan Enough = TimeSpan.FromMilliseconds(300);

    private static double ConvolutionFlops => 2.0 * 9 * Channels * Channels * Latents * Latents * Frames;

    private static double ProductFlops => 2.0 * Side * Side * Side;

    /// <summary>Measures on the device and in the element type that LatentSync would use. libtorch must be loaded.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static MachineSpeed Measure(AttentionDevice device, AttentionDType dtype)
    {
        bool isCuda = device.Kind == AttentionDeviceKind.Cuda;
        Device place = isCuda ? new Device(DeviceType.CUDA, device.Index) : CPU;
        ScalarType type = dtype == AttentionDType.Float16 ? ScalarType.Float16 : ScalarType.Float32;
        using DisposeScope scope = NewDisposeScope();
        using var noGradients = no_grad();
        Tensor left = ones(Side, Side, dtype: type, device: place),
            right = ones_like(left);
        Tensor picture = ones(Frames, Channels, Latents, Latents, dtype: type, device: place),
            weight = ones(Channels, Channels, 3, 3, dtype: type, device: place);
        double product = Seconds(() => mm(left, right), isCuda);
        double convolution = Seconds(() => nn.functional.conv2d(picture, weight, padding: [1, 1]), isCuda);
        return new MachineSpeed(ConvolutionFlops / convolution, ProductFlops / product);
    }

    /// <summary>The best of several runs: what the machine can do, as far as other programs let it.</summary>
    private static double Seconds(Func<Tensor> run, bool isCuda)
    {
        double best = double.PositiveInfinity;
        int runs = 0;
        Once(run, isCuda); // the first one starts threads and chooses kernels
        long began = TimeProvider.System.GetTimestamp();
        while (runs < FewestRuns || (runs < MostRuns && TimeProvider.System.GetElapsedTime(began) < Enough))
        {
            long started = TimeProvider.System.GetTimestamp();
            Once(run, isCuda);
            best = Math.Min(best, TimeProvider.System.GetElapsedTime(started).TotalSeconds);
            runs++;
        }
        return best;
    }

    private static void Once(Func<Tensor> run, bool isCuda)
    {
        using Tensor result = run();
        if (isCuda)
        {
            cuda.synchronize();
        }
    }
}
