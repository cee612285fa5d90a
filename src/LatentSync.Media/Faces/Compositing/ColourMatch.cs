namespace LatentSync.Media.Faces.Compositing;

/// <summary>A correction per channel, value · Gain + Offset, that fits a generated face to the original along the edge of the
/// mask.</summary>
/// <param name="Gain">Three factors, 1/1.1..1.1.</param>
/// <param name="Offset">Three summands in grey levels.</param>
/// <remarks>It removes a constant cast, but takes hair or a shadow that moves across the edge for one. Measured on a real clip of a moving
/// head with the face of 3 to 25 frames later in place of a generated one: the correction, which should be nothing, was 2 to 8 levels (root
/// mean square) and changed by 2 levels from frame to frame, a visible flicker. Therefore it is off unless asked for.</remarks>
public sealed record ColourMatch(IReadOnlyList<float> Gain, IReadOnlyList<float> Offset)
{
    private const double MaxGain = 1.1;
    private const double MaxShift = 24;

    /// <summary>The correction that changes nothing.</summary>
    public static ColourMatch None { get; } = new([1, 1, 1], [0, 0, 0]);

    /// <summary>Compares two faces where the weights are.</summary>
    /// <param name="generated">Generated face, packed RGB.</param>
    /// <param name="original">The same face in the frame, packed RGB, same length.</param>
    /// <param name="weights">One weight per pixel.</param>
    /// <returns>Exactly <see cref="None"/>'s values when both faces are equal there. Gain within 1/1.1..1.1; the mean moves by at most 24
    /// levels, so that a wrong face is not turned into another colour.</returns>
    internal static ColourMatch Measure(ReadOnlySpan<float> generated, ReadOnlySpan<byte> original, ReadOnlySpan<float> weights)
    {
        float[] gain = [1, 1, 1],
            offset = [0, 0, 0];
        for (int c = 0; c < 3; c++)
        {
            Moments from = default,
                to = default;
            for (int i = 0; i < weights.Length; i++)
            {
                if (weights[i] > 0)
                {
                    from.Add(generated[(3 * i) + c], weights[i]);
                    to.Add(original[(3 * i) + c], weights[i]);
                }
            }
            if (from == to || from.Weight == 0)
            {
                continue;
            }
            double ratio = from.Deviation > 1 ? Math.Clamp(to.Deviation / from.Deviation, 1 / MaxGain, MaxGain) : 1;
            double mean = from.Mean + Math.Clamp(to.Mean - from.Mean, -MaxShift, MaxShift);
            gain[c] = (float)ratio;
            offset[c] = (float)(mean - (ratio * from.Mean));
        }
        return new ColourMatch(gain, offset);
    }

    private record struct Moments(double Weight, double Sum, double Squares)
    {
        public readonly double Mean => Sum / Weight;

        public readonly double Deviation => Math.Sqrt(Math.Max(0, (Squares / Weight) - (Mean * Mean)));

        public void Add(double value, double weight)
        {
            Weight += weight;
            Sum += weight * value;
            Squares += weight * value * value;
        }
    }
}
