using System.Globalization;
using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Video.Probing;

/// <summary>Which constant frame rate a video is read at. docs/decisions/0003-frames-and-colour.md gives the reasons.</summary>
internal static class FrameRateRule
{
    /// <summary>Highest rate that frames are delivered at; faster videos are thinned out to it.</summary>
    public static readonly Rational Maximum = new(240, 1);

    /// <summary>Highest base rate that is believed when frames do not come evenly; above it are clock ticks (1000, 90000), not
    /// frames.</summary>
    public static readonly Rational MaximumVariableBase = new(120, 1);

    /// <summary>Lowest rate that is kept: below it are slide shows and time lapses, whose pictures are held at <see cref="Default"/>, as
    /// lips would not be seen to move.</summary>
    public static readonly Rational Minimum = new(10, 1);

    /// <summary>Used for stills, and when a file tells no rate at all: the rate of the network.</summary>
    public static readonly Rational Default = new(25, 1);

    private static readonly Rational[] Standard =
    [
        new(24000, 1001),
        new(24, 1),
        new(25, 1),
        new(30000, 1001),
        new(30, 1),
        new(48, 1),
        new(50, 1),
        new(60000, 1001),
        new(60, 1),
    ];

    /// <summary>Chooses the rate.</summary>
    /// <param name="baseRate">ffprobe's r_frame_rate: the lowest rate whose ticks meet all timestamps; null if unknown.</param>
    /// <param name="averageRate">ffprobe's avg_frame_rate: frames by duration; null if unknown.</param>
    /// <returns>The rate, whether frames come unevenly, and a sentence for the user when the rate is not simply the file's.</returns>
    public static (Rational Rate, bool IsVariable, string? Note) Choose(Rational? baseRate, Rational? averageRate)
    {
        (Rational rate, bool isVariable, string? note) = Nominal(baseRate, averageRate);
        return rate.CompareTo(Minimum) >= 0
            ? (rate, isVariable, note)
            : (
                Default,
                isVariable,
                Sentence.Say(
                    $"The video has only {Show(averageRate ?? rate)} frames per second: frames are repeated to reach {Show(Default)}."
                )
            );
    }

    /// <summary>True when the file's own rate is below <see cref="Minimum"/>.</summary>
    public static bool Holds(Rational? baseRate, Rational? averageRate) => Nominal(baseRate, averageRate).Rate.CompareTo(Minimum) < 0;

    private static (Rational Rate, bool IsVariable, string? Note) Nominal(Rational? baseRate, Rational? averageRate)
    {
        if (averageRate is not { } average)
        {
            return baseRate is { } only && only.CompareTo(MaximumVariableBase) <= 0
                ? (only, false, null)
                : (Default, false, Sentence.Say("The video does not state its frame rate: 25 frames per second are assumed."));
        }

        if (baseRate is not { } nominal || IsNear(nominal.ToDouble(), average.ToDouble(), 0.005))
        {
            return Capped(Exact(baseRate ?? average));
        }

        // A base rate that is exactly twice (three, four times) the average counts fields or ticks, not frames.
        double ratio = nominal.ToDouble() / average.ToDouble();
        if (ratio is >= 1.5 and < 4.5 && IsNear(ratio, Math.Round(ratio), 0.001))
        {
            return Capped(Exact(average));
        }

        if (ratio is >= 1 and <= 4 && nominal.CompareTo(MaximumVariableBase) <= 0)
        {
            return (
                nominal,
                true,
                Sentence.Say(
                    $"The frame rate varies ({Show(average)} on average): frames are repeated to reach a constant {Show(nominal)} frames per second."
                )
            );
        }

        Rational standard = NearestStandard(average);
        Rational rounded = IsNear(standard.ToDouble(), average.ToDouble(), 0.02)
            ? standard
            : new Rational(Math.Clamp((long)Math.Round(average.ToDouble()), 1, Maximum.Numerator), 1);
        return (
            rounded,
            true,
            Sentence.Say(
                $"The frame rate varies ({Show(average)} on average, time base {Show(nominal)}): frames are repeated or dropped to reach a constant {Show(rounded)} frames per second."
            )
        );
    }

    private static (Rational Rate, bool IsVariable, string? Note) Capped(Rational rate) =>
        rate.CompareTo(Maximum) <= 0
            ? (rate, false, null)
            : (
                Maximum,
                false,
                Sentence.Say(
                    $"The video has {Show(rate)} frames per second: frames are dropped to reach {Show(Maximum)}, the highest supported rate."
                )
            );

    /// <summary>Containers that count milliseconds say 19001/317 for 60000/1001: an odd fraction that close to a standard rate is that
    /// rate.</summary>
    private static Rational Exact(Rational rate)
    {
        Rational standard = NearestStandard(rate);
        return rate.Denominator is not (1 or 2 or 4 or 5 or 10 or 100 or 1000) && IsNear(rate.ToDouble(), standard.ToDouble(), 0.0001)
            ? standard
            : rate;
    }

    private static Rational NearestStandard(Rational rate) => Standard.MinBy(s => Math.Abs(s.ToDouble() - rate.ToDouble()));

    private static bool IsNear(double value, double target, double tolerance) => Math.Abs(value - target) <= tolerance * target;

    private static string Show(Rational rate) => rate.ToDouble().ToString("0.###", CultureInfo.InvariantCulture);
}
