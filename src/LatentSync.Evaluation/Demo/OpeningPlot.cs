using System.Globalization;
using System.Text;

namespace LatentSync.Evaluation.Demo;

/// <summary>Mouth openings over time as an inline SVG: sharp at every size, in the page's own colours and fonts.</summary>
internal static class OpeningPlot
{
    private const double Width = 1000;
    private const double Height = 300;
    private const double Left = 52;
    private const double Right = 14;
    private const double Top = 12;
    private const double Bottom = 46;
    private const double LevelStep = 0.25;

    /// <summary>Draws the curves.</summary>
    /// <param name="curves">At least one frame.</param>
    /// <returns>An svg element; its data attributes say where the time axis lies, and "playhead" is a line at time 0.</returns>
    public static string ToSvg(OpeningCurves curves)
    {
        int frames = Math.Max(curves.Implied.Count, curves.Output.Count);
        double seconds = Math.Max(frames - 1, 1) / curves.FrameRate;
        double highest = curves.Implied.Concat(curves.Output).Concat(curves.Input.Take(frames)).DefaultIfEmpty(0).Max();
        double most = Math.Clamp(Math.Ceiling(highest / LevelStep) * LevelStep, 2 * LevelStep, 1.5);
        double X(double t) => Left + t / seconds * (Width - Left - Right);
        double Y(double opening) => Top + (1 - Math.Clamp(opening, 0, most) / most) * (Height - Top - Bottom);
        double floor = Y(0);
        StringBuilder svg = new();
        svg.Append(
            CultureInfo.InvariantCulture,
            $"<svg id=\"plot\" viewBox=\"0 0 {Width:0} {Height:0}\" role=\"img\" aria-label=\"Mouth opening over time\" data-left=\"{Left}\" data-width=\"{Width - Left - Right}\" data-seconds=\"{seconds:0.####}\">"
        );
        for (double level = 0; level <= most + 1e-9; level += LevelStep)
        {
            svg.Append(
                CultureInfo.InvariantCulture,
                $"<line class=\"{(level == 0 ? "axis" : "grid")}\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(level):0.#}\" y2=\"{Y(level):0.#}\"/>"
            );
            svg.Append(
                CultureInfo.InvariantCulture,
                $"<text class=\"tick\" text-anchor=\"end\" x=\"{Left - 8}\" y=\"{Y(level) + 4.5:0.#}\">{level:0.##}</text>"
            );
        }
        double step =
            seconds <= 5 ? 0.5
            : seconds <= 20 ? 2
            : 10;
        for (double t = 0; t <= seconds + 1e-9; t += step)
        {
            svg.Append(
                CultureInfo.InvariantCulture,
                $"<line class=\"axis\" x1=\"{X(t):0.#}\" x2=\"{X(t):0.#}\" y1=\"{floor:0.#}\" y2=\"{floor + 5:0.#}\"/>"
            );
            svg.Append(
                CultureInfo.InvariantCulture,
                $"<text class=\"tick\" text-anchor=\"middle\" x=\"{X(t):0.#}\" y=\"{floor + 20:0.#}\">{t:0.#}</text>"
            );
        }
        svg.Append(
            CultureInfo.InvariantCulture,
            $"<text class=\"tick\" text-anchor=\"middle\" x=\"{(Left + Width - Right) / 2:0.#}\" y=\"{Height - 6}\">seconds</text>"
        );
        svg.Append(
            CultureInfo.InvariantCulture,
            $"<text class=\"tick title\" text-anchor=\"middle\" transform=\"translate(13 {(Top + floor) / 2:0.#}) rotate(-90)\">mouth opening</text>"
        );
        if (curves.Implied.Count > 0)
        {
            svg.Append(
                CultureInfo.InvariantCulture,
                $"<polygon class=\"implied\" points=\"{X(0):0.#},{floor:0.#} {Points(curves.Implied)}{X((curves.Implied.Count - 1) / curves.FrameRate):0.#},{floor:0.#}\"/>"
            );
        }
        Line("input", [.. curves.Input.Take(frames)]);
        Line("implied", curves.Implied);
        Line("output", curves.Output);
        svg.Append(
            CultureInfo.InvariantCulture,
            $"<g id=\"playhead\" transform=\"translate({Left} 0)\"><line class=\"playhead\" x1=\"0\" x2=\"0\" y1=\"{Top}\" y2=\"{floor:0.#}\"/></g>"
        );
        return svg.Append("</svg>\n").ToString();

        void Line(string name, IReadOnlyList<double> values)
        {
            if (values.Count > 0)
            {
                svg.Append($"<polyline class=\"{name}\" points=\"{Points(values)}\"/>");
            }
        }

        string Points(IReadOnlyList<double> values) =>
            string.Concat(
                values.Select((value, i) => string.Create(CultureInfo.InvariantCulture, $"{X(i / curves.FrameRate):0.#},{Y(value):0.#} "))
            );
    }
}
