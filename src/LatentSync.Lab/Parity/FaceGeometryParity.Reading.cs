using System.Globalization;
using System.Text.RegularExpressions;

namespace LatentSync.Lab.Parity;

// What the fixture says in names and in words.
public sealed partial class FaceGeometryParity
{
    // For manifests that do not say otherwise, in words: "at most 1 grey level on 99.5 % of the values, mean difference <= 0.1".
    private const double PictureLevels = 1;
    private const double PictureShare = 0.995;
    private const double PictureMean = 0.1;

    /// <summary>Tolerances of pictures, read from the manifest's words as far as they are understood.</summary>
    /// <returns>Grey levels, the share of values within them, and the mean difference.</returns>
    internal static (double Levels, double Share, double Mean) PictureTolerances(string prose)
    {
        return (Read(Levels(), 1, PictureLevels), Read(Share(), 0.01, PictureShare), Read(Mean(), 1, PictureMean));

        double Read(Regex pattern, double unit, double otherwise) =>
            pattern.Match(prose) is { Success: true } match
                ? unit * double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
                : otherwise;
    }

    [GeneratedRegex(@"^matrices_resolution(\d{1,6})(?:_sequence(\d{1,6}))?$")]
    private static partial Regex OtherResolution();

    [GeneratedRegex(@"^restore\.face\d*$")]
    private static partial Regex FaceName();

    [GeneratedRegex(@"^s(\d{1,6})f(\d{1,6})$")]
    private static partial Regex PlaceInKey();

    [GeneratedRegex(@"(\d+(?:\.\d+)?) (?:gr[ea]y )?levels?")]
    private static partial Regex Levels();

    [GeneratedRegex(@"(\d+(?:\.\d+)?) ?%")]
    private static partial Regex Share();

    [GeneratedRegex(@"mean (?:difference|error)\D*(\d+(?:\.\d+)?)")]
    private static partial Regex Mean();
}
