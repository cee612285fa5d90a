using System.Runtime.CompilerServices;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Platform.LibTorch;
using TorchSharp;

namespace LatentSync.Doctor;

/// <summary>Loads libtorch and multiplies two small matrices whose product is known exactly.</summary>
internal static class TorchSelfTest
{
    private const int Rows = 3;
    private const int Inner = 4;
    private const int Columns = 2;

    /// <exception cref="Platform.Loading.NativeLoadException">libtorch cannot be loaded, and why.</exception>
    public static TorchFinding Run(LibTorchOptions? options)
    {
        LibTorchLoad load = TorchRuntime.EnsureLoaded(options);
        return new TorchFinding(load, LargestError(), HasCuda());
    }

    /// <summary>Small whole numbers, so that the product is exact in float32. A method of its own, so that TorchSharp is
    /// touched only after the loading above.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static double LargestError()
    {
        float[] left = Enumerable.Range(0, Rows * Inner).Select(i => (float)(i - 5)).ToArray();
        float[] right = Enumerable.Range(0, Inner * Columns).Select(i => (float)(7 - 2 * i)).ToArray();
        using DisposeScope scope = torch.NewDisposeScope();
        float[] product = torch
            .mm(torch.tensor(left).reshape(Rows, Inner), torch.tensor(right).reshape(Inner, Columns))
            .data<float>()
            .ToArray(); // (3, 2)
        double largest = 0;
        for (int row = 0; row < Rows; row++)
        {
            for (int column = 0; column < Columns; column++)
            {
                double expected = Enumerable.Range(0, Inner).Sum(k => (double)left[row * Inner + k] * right[k * Columns + column]);
                largest = Math.Max(largest, Math.Abs(expected - product[row * Columns + column]));
            }
        }
        return largest;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool HasCuda() => torch.cuda.is_available();
}
