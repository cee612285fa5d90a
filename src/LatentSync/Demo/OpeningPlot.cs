using System.Globalization;
using System.Text;

namespace LatentSync.Demo;

/// <summary>Mouth openings over time as an inline SVG: sharp at every size, in the page's own colours and fonts.</summary>
internal static class OpeningPlot
{
    private const double Width = 1000;
    private const double Height = 260;
    private const double Left = 44;
    private const double Right = 12;
    private const double Top = 12;
    private const double Bottom = 34;

    /// <summary>Draws the curves.</summary>
    /// <param name="curves">At least one frame.</param>
    /// <returns>An svg element.</returns>
    public static string ToSvg(OpeningCurves curves)
    {
        int frames = Math.Max(curves.Implied.Count, curves.Output.Count);
        double seconds = Math.Max(frames - 1, 1) / curves.FrameRate;
        double X(double t) => Left + t / seconds * (Width - Left - Right);
        double Y(double opening) => Top + (1 - Math.Clamp(opening, 0, 1)) * (Height - Top - Bottom);
        StringBuilder svg = new();
        svg.Append(CultureInfo.InvariantCulture, $"<svg viewBox=\"0 0 {Width:0} {Height:0}\" role=\"img\" aria-label=\"Mouth opening over time\">");
        foreach (double level in (double[])[0, 0.25, 0.5, 0.75, 1])
        {
            svg.Append(CultureInfo.InvariantCulture, $"<line class=\"grid\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(level):0.#}\" y2=\"{Y(level):0.#}\"/>");
            svg.Append(CultureInfo.InvariantCulture, $"<text class=\"tick\" text-anchor=\"end\" x=\"{Left - 8}\" y=\"{Y(level) + 4:0.#}\">{level:0.##}</text>");
        }
        double step = seconds <= 5 ? 0.5 : seconds <= 20 ? 2 : 10;
        for (double t = 0; t <= seconds + 1e-9; t += step)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<text class=\"tick\" text-anchor=\"middle\" x=\"{X(t):0.#}\" y=\"{Height - 12}\">{t:0.#} s</text>");
        }
        Line(svg, "input", curves.Input);
        Line(svg, "output", curves.Output);
        Line(svg, "implied", curves.Implied);
        return svg.Append("</svg>").ToString();

        void Line(StringBuilder text, string name, IReadOnlyList<double> values)
        {
            if (values.Count == 0)
            {
                return;
            }
            text.Append(CultureInfo.InvariantCulture, $"<polyline class=\"{name}\" points=\"");
            for (int i = 0; i < values.Count; i++)
            {
                text.Append(CultureInfo.InvariantCulture, $"{X(i / curves.FrameRate):0.#},{Y(values[i]):0.#} ");
            }
            text.Append("\"/>");
        }
    }
}
