namespace LatentSync.Media.Synthesis.Numbers;

/// <summary>exp, sin and cos from additions and multiplications only, so that a seed gives the same samples, bit for bit, on every
/// platform: the mathematical libraries of the operating systems differ in the last digits, IEEE arithmetic does not.</summary>
/// <remarks>Relative error below 1e-12 in the ranges used here (|x| up to about 1e5 for the periodic ones, -700..700 for exp).</remarks>
internal static class PortableMath
{
    private const double LogTwoHigh = 6.93147180369123816490e-01;
    private const double LogTwoLow = 1.90821492927058770002e-10;
    private const double TwoPi = 2 * Math.PI;

    /// <summary>e to the power of <paramref name="x"/>; 0 below -700, infinity above 700.</summary>
    public static double Exp(double x)
    {
        if (x < -700)
        {
            return 0;
        }
        if (x > 700)
        {
            return double.PositiveInfinity;
        }
        // Reduction: x = k ln 2 + r with |r|
        // <= ln 2 / 2; then the Taylor series of degree 13 (remainder below 1e-17), then 2^k by its bits.
        double k = Math.Round(x / (LogTwoHigh + LogTwoLow));
        double r = x - k * LogTwoHigh - k * LogTwoLow;
        double sum = 1;
        for (int n = 13; n >= 1; n--)
        {
            sum = 1 + sum * r / n;
        }
        return sum * BitConverter.Int64BitsToDouble(((long)k + 1023) << 52);
    }

    /// <summary>Sine of <paramref name="x"/> radians.</summary>
    public static double Sin(double x)
    {
        // Reduction to [-π, π], then to [-π/2, π/2] by symmetry; Taylor series of degree 19 (remainder below 1e-15).
        double r = x - Math.Round(x / TwoPi) * TwoPi;
        if (r > Math.PI / 2)
        {
            r = Math.PI - r;
        }
        else if (r < -Math.PI / 2)
        {
            r = -Math.PI - r;
        }
        double square = r * r;
        double sum = 1;
        for (int n = 19; n >= 3; n -= 2)
        {
            sum = 1 - sum * square / (n * (n - 1));
        }
        return r * sum;
    }

    /// <summary>Cosine of <paramref name="x"/> radians.</summary>
    public static double Cos(double x) => Sin(x + Math.PI / 2);

    /// <summary>0 below <paramref name="from"/>, 1 above <paramref name="to"/>, between them 3u² - 2u³.</summary>
    public static double SmoothStep(double from, double to, double x)
    {
        double u = Math.Clamp((x - from) / (to - from), 0, 1);
        return u * u * (3 - 2 * u);
    }
}
