using System.Globalization;
using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Tests.Faces;

/// <summary>How far points lie from those that are right, over many frames.</summary>
internal sealed class PointErrors
{
    private readonly List<double>[] _errors =
    [
        [],
        [],
        [],
    ];
    private readonly List<double> _scales = [];
    private readonly List<AlignmentPoints> _found = [];

    /// <summary>Mean error of the left brow, the right brow and the nose, over the distance of the eyes.</summary>
    public double[] Means => [.. _errors.Select(of => of.Average())];

    /// <summary>Mean size against the right one.</summary>
    public double Scale => _scales.Average();

    /// <summary>Mean length of the second difference over time, in pixels.</summary>
    public double Trembling =>
        Enumerable
            .Range(1, _found.Count - 2)
            .SelectMany(i => new[] { Second(i, p => p.LeftBrow), Second(i, p => p.RightBrow), Second(i, p => p.Nose) })
            .Average();

    public int Count => _found.Count;

    public void Add(AlignmentPoints found, AlignmentPoints right, double eyes)
    {
        _found.Add(found);
        _errors[0].Add((found.LeftBrow - right.LeftBrow).Length / eyes);
        _errors[1].Add((found.RightBrow - right.RightBrow).Length / eyes);
        _errors[2].Add((found.Nose - right.Nose).Length / eyes);
        _scales.Add(found.Radius / right.Radius);
    }

    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Count} frames: mean {Means[0]:0.0000} {Means[1]:0.0000} {Means[2]:0.0000}, 95 % below {Late(0):0.000} {Late(1):0.000} {Late(2):0.000}, "
                + $"scale {Scale:0.000}, trembling {Trembling:0.00} px"
        );

    private double Late(int point)
    {
        double[] sorted = [.. _errors[point].Order()];
        return sorted[(int)(0.95 * (sorted.Length - 1))];
    }

    private double Second(int i, Func<AlignmentPoints, FacePoint> of) =>
        (of(_found[i + 1]) - (of(_found[i]) * 2) + of(_found[i - 1])).Length;
}
