using LatentSync.Foundation.Wording;
using static LatentSync.Doctor.Wording.DoctorWords;

namespace LatentSync.Doctor.Estimates;

/// <summary>An estimated duration as people say it: "about 5 h", not "about 5 h 3 min".</summary>
internal static class AboutText
{
    private const double Minute = 60,
        Hour = 3600,
        Day = 86400;

    /// <summary>"about 5 h", in the language of the audience.</summary>
    /// <param name="seconds">Seconds.</param>
    public static string Of(double seconds) =>
        Say("about", DurationText.Of(Rounded(seconds), Audience.Current.Language == Language.Chinese));

    /// <summary>The seconds, to as many digits as an estimate has.</summary>
    internal static double Rounded(double seconds)
    {
        double unit = seconds switch
        {
            < 20 => 1,
            < 2 * Minute => 10,
            < 10 * Minute => Minute,
            < Hour => 5 * Minute,
            < 3 * Hour => Hour / 2,
            < Day => Hour,
            < 10 * Day => Day / 2,
            _ => Day,
        };
        return Math.Max(1, Math.Round(seconds / unit)) * unit;
    }
}
