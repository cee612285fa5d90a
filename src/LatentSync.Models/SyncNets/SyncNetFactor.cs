using System.Globalization;

namespace LatentSync.Models.SyncNets;

/// <summary>By how much a residual block of a SyncNet makes its input smaller. One entry of <c>downsample_factors</c>: a number, or
/// [vertical, horizontal].</summary>
/// <param name="Vertical">Stride of the rows (mel bands, picture rows), at least 1.</param>
/// <param name="Horizontal">Stride of the columns (time, picture columns), at least 1.</param>
public readonly record struct SyncNetFactor(int Vertical, int Horizontal)
{
    private const int Kernel = 3;

    /// <summary>The same factor for both axes.</summary>
    /// <param name="factor">At least 1; 1 keeps the size and has no convolution.</param>
    public static implicit operator SyncNetFactor(int factor) => new(factor, factor);

    /// <summary>False for 1: the block then has no downsampling convolution.</summary>
    public bool IsReduction => Vertical != 1 || Horizontal != 1;

    // Zeros to the right and below; an axis that keeps its size has them on both sides.
    internal long[] Padding => [Horizontal == 1 ? 1 : 0, 1, Vertical == 1 ? 1 : 0, 1]; // left, right, top, bottom

    /// <summary>Size after the block.</summary>
    /// <param name="height">Rows before.</param>
    /// <param name="width">Columns before.</param>
    /// <returns>Rows and columns; 0 where too few are left for the kernel of 3.</returns>
    public (int Height, int Width) Apply(int height, int width) =>
        IsReduction ? (Reduce(height, Vertical), Reduce(width, Horizontal)) : (height, width);

    /// <summary>"2" or "[2, 1]".</summary>
    public override string ToString() =>
        Vertical == Horizontal
            ? Vertical.ToString(CultureInfo.InvariantCulture)
            : string.Create(CultureInfo.InvariantCulture, $"[{Vertical}, {Horizontal}]");

    private static int Reduce(int size, int factor)
    {
        int padded = size + (factor == 1 ? 2 : 1);
        return padded < Kernel ? 0 : ((padded - Kernel) / factor) + 1;
    }
}
