using System.Runtime.CompilerServices;
using LatentSync.Attention.Problems;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Doctor.Estimates;

/// <summary>
/// Measures how fast libtorch multiplies and convolves here. Other programs may compute at the same time, and the answer should not depend
/// on them. So on a processor one core is measured, and the rate counts for as many as libtorch uses: a short run finds one free core even
/// on a busy machine, but hardly all of them. The runs take milliseconds, are spread over a second and more, and the best one counts. With
/// twice to three times as many busy threads as cores the answers differed by 6 %; those of all cores together, by a factor of 2 and more.
/// </summary>
internal static class SpeedProbe
{
    private const int Rounds = 15;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private static readonly Sizes OfCpu = new(512, 1, 16, 2),
        OfGpu = new(4096, 32, 32, 1);

    /// <summary>Measures on the device and in the element type that LatentSync would use. libtorch must be loaded.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static MachineSpeed Measure(AttentionDevice device, AttentionDType dtype)
    {
        bool isCuda = device.Kind == AttentionDeviceKind.Cuda;
        Sizes sizes = isCuda ? OfGpu : OfCpu;
        Device place = isCuda ? new Device(DeviceType.CUDA, device.Index) : CPU;
        ScalarType type = dtype switch
        {
            AttentionDType.Float16 => ScalarType.Float16,
            AttentionDType.BFloat16 => ScalarType.BFloat16,
            _ => ScalarType.Float32,
        };
        int threads = isCuda ? 1 : get_num_threads();
        using DisposeScope scope = NewDisposeScope();
        using var noGradients = no_grad();
        Tensor left = ones(sizes.Side, sizes.Side, dtype: type, device: place),
            right = ones_like(left);
        Tensor picture = ones(sizes.Frames, Sizes.Channels, sizes.Latents, sizes.Latents, dtype: type, device: place),
            weight = ones(Sizes.Channels, Sizes.Channels, 3, 3, dtype: type, device: place);
        try
        {
            if (!isCuda)
            {
                set_num_threads(1);
            }
            (double product, double convolution) = Best(
                () => mm(left, right),
                () => nn.functional.conv2d(picture, weight, padding: [1, 1]),
                sizes.RunsOfARound,
                isCuda
            );
            return new MachineSpeed(threads * sizes.ConvolutionFlops / convolution, threads * sizes.ProductFlops / product);
        }
        finally
        {
            if (!isCuda)
            {
                set_num_threads(threads);
            }
        }
    }

    /// <summary>Seconds of the quickest run of each.</summary>
    private static (double Product, double Convolution) Best(Func<Tensor> product, Func<Tensor> convolution, int runs, bool isCuda)
    {
        Once(product, isCuda); // the first one starts threads and chooses kernels
        Once(convolution, isCuda);
        double bestProduct = double.PositiveInfinity,
            bestConvolution = double.PositiveInfinity;
        for (int round = 0; round < Rounds; round++)
        {
            Thread.Sleep(Pause); // a thread that has slept gets its core at once
            for (int run = 0; run < runs; run++)
            {
                bestProduct = Math.Min(bestProduct, Once(product, isCuda));
                bestConvolution = Math.Min(bestConvolution, Once(convolution, isCuda));
            }
        }
        return (bestProduct, bestConvolution);
    }

    private static double Once(Func<Tensor> run, bool isCuda)
    {
        long started = TimeProvider.System.GetTimestamp();
        using Tensor result = run();
        if (isCuda)
        {
            cuda.synchronize();
        }
        return TimeProvider.System.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>What is multiplied and convolved: a millisecond's work or a few.</summary>
    private readonly record struct Sizes(int Side, int Frames, int Latents, int RunsOfARound)
    {
        /// <summary>The network's finest width.</summary>
        public const int Channels = 320;

        public double ProductFlops => 2.0 * Side * Side * Side;

        public double ConvolutionFlops => 2.0 * 9 * Channels * Channels * Latents * Latents * Frames;
    }
}
