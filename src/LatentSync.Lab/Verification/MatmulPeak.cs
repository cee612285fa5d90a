using System.Diagnostics;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Lab.Verification;

/// <summary>The yardstick of the table: libtorch's own large matrix product on the same device and threads.</summary>
public static class MatmulPeak
{
    private const int Size = 1024,
        Rounds = 12;

    /// <summary>10⁹ floating-point operations per second of a 1024 x 1024 x 1024 product; the best of a few, since it stands for what
    /// the machine can do.</summary>
    /// <param name="dtype">Element type.</param>
    /// <param name="device">Where.</param>
    public static double Measure(AttentionDType dtype, AttentionDevice device)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using var generator = new Generator(1);
        Device where = device.Kind == AttentionDeviceKind.Cpu ? CPU : new Device(device.ToString());
        Tensor left = randn([Size, Size], generator: generator).to(TensorFacts.ScalarTypeOf(dtype)).to(where),
            right = left.clone();
        Action synchronize = DeviceQueue.SynchronizerOf(device);
        var seconds = new double[Rounds];
        matmul(left, right).Dispose();
        for (int i = 0; i < Rounds; i++)
        {
            synchronize();
            long start = Stopwatch.GetTimestamp();
            matmul(left, right).Dispose();
            synchronize();
            seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        return 2.0 * Size * Size * Size / seconds.Min() / 1e9;
    }
}
