using System.Globalization;

namespace LatentSync.Foundation.Wording;

/// <summary>A duration as people say it: "3.4 s", "2 min 30 s", "57 min", "3 h 5 min". Two units at most; machines get seconds.</summary>
public static class DurationText
{
    private const double Minute = 60,
        Hour = 3600,
        Day = 86400;

    /// <summary>The duration in English, or in Chinese.</summary>
    /// <param name="seconds">Seconds; below 0 counts as 0.</param>
    /// <param name="isChinese">Units in Chinese.</param>
    public static string Of(double seconds, bool isChinese = false)
    {
        if (!double.IsFinite(seconds))
        {
            return isChinese ? "未知" : "unknown";
        }
        double time = Math.Max(seconds, 0);
        (string second, string minutes, string hour, string day) = isChinese ? ("秒", "分钟", "小时", "天") : ("s", "min", "h", "d");
        if (time < 59.5)
        {
            // 9.96 is 10, not 10.0.
            return string.Create(CultureInfo.InvariantCulture, $"{Number(time)} {second}");
        }
        if (time < 10 * Minute - 0.5)
        {
            return Pair(Math.Round(time), Minute, isChinese ? "分" : "min", 1, second, alone: minutes);
        }
        if (time < Hour - Minute / 2)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{time / Minute:0} {minutes}");
        }
        return time < Day - Minute / 2
            ? Pair(Math.Round(time / Minute) * Minute, Hour, hour, Minute, minutes, alone: hour)
            : Pair(Math.Round(time / Hour) * Hour, Day, day, Hour, hour, alone: day);
    }

    /// <summary>The duration in English.</summary>
    /// <param name="time">The duration; below 0 counts as 0.</param>
    public static string Of(TimeSpan time) => Of(time.TotalSeconds);

    private static string Number(double seconds) =>
        seconds.ToString(
            seconds < 0.995 ? "0.##"
                : seconds < 9.95 ? "0.0"
                : "0",
            CultureInfo.InvariantCulture
        );

    private static string Pair(double time, double large, string largeUnit, double small, string smallUnit, string alone)
    {
        double whole = Math.Floor(time / large),
            rest = Math.Round((time - (whole * large)) / small);
        return rest == 0
            ? string.Create(CultureInfo.InvariantCulture, $"{whole:0} {alone}")
            : string.Create(CultureInfo.InvariantCulture, $"{whole:0} {largeUnit} {rest:0} {smallUnit}");
    }
}
