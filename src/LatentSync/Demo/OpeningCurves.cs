namespace LatentSync.Demo;

/// <summary>How far the mouth is open, frame by frame: 0 closed, 1 as wide as it goes.</summary>
/// <param name="FrameRate">Frames per second.</param>
/// <param name="Implied">What the new speech implies.</param>
/// <param name="Output">What is measured in the pixels of the output.</param>
/// <param name="Input">What is measured in the pixels of the input.</param>
public sealed record OpeningCurves(double FrameRate, IReadOnlyList<double> Implied, IReadOnlyList<double> Output, IReadOnlyList<double> Input)
{
    /// <summary>Correlation of output and speech, -1..1; 0 where one of them does not move.</summary>
    public double OutputCorrelation => Correlation(Output, Implied);

    /// <summary>Correlation of the untouched input and the new speech.</summary>
    public double InputCorrelation => Correlation(Input, Implied);

    /// <summary>Pearson's correlation over the frames that both have.</summary>
    /// <param name="a">First series.</param>
    /// <param name="b">Second series.</param>
    /// <returns>-1..1; 0 where one of them is constant or shorter than two frames.</returns>
    public static double Correlation(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        int count = Math.Min(a.Count, b.Count);
        if (count < 2)
        {
            return 0;
        }
        double meanA = a.Take(count).Average(), meanB = b.Take(count).Average();
        double ab = 0, aa = 0, bb = 0;
        for (int i = 0; i < count; i++)
        {
            ab += (a[i] - meanA) * (b[i] - meanB);
            aa += (a[i] - meanA) * (a[i] - meanA);
            bb += (b[i] - meanB) * (b[i] - meanB);
        }
        return aa < 1e-12 || bb < 1e-12 ? 0 : ab / Math.Sqrt(aa * bb);
    }
}
