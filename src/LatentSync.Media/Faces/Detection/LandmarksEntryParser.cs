using System.Text.Json;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Faces.Detection;

/// <summary>Reads one entry of the array "frames" of a landmarks file.</summary>
internal sealed class LandmarksEntryParser
{
    // Fractions reach a little beyond the picture; a face of two pixels in its top left corner is none.
    private const double LargestFraction = 1.5;

    private readonly Func<Sentence, FaceException> _wrong;
    private readonly int _maxFaces;
    private readonly double _maxCoordinate;

    /// <summary>Makes a parser.</summary>
    /// <param name="wrong">Makes the exception from what is wrong.</param>
    /// <param name="maxFaces">Most faces per frame.</param>
    /// <param name="maxCoordinate">Largest absolute coordinate in pixels.</param>
    public LandmarksEntryParser(Func<Sentence, FaceException> wrong, int maxFaces, double maxCoordinate)
    {
        _wrong = wrong;
        _maxFaces = maxFaces;
        _maxCoordinate = maxCoordinate;
    }

    /// <summary>A value as it is shown in messages: at most 40 characters of its text.</summary>
    public static string Shown(JsonElement value)
    {
        string text = value.GetRawText();
        return text.Length <= 40 ? text : text[..37] + "...";
    }

    /// <summary>The entry's frame, from "frame" or from "time" in seconds.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="frameRate">The file's, for times; null: it has none.</param>
    /// <param name="isStored">Stored frames are counted: a time at a constant rate is none of them.</param>
    public long FrameIndex(JsonElement entry, double? frameRate, bool isStored)
    {
        if (entry.ValueKind != JsonValueKind.Object)
        {
            throw _wrong($"it is {Shown(entry)}; an object is required");
        }
        if (entry.TryGetProperty("frame", out JsonElement frame))
        {
            return frame.ValueKind == JsonValueKind.Number && frame.TryGetInt64(out long index) && index >= 0
                ? index
                : throw _wrong($"\"frame\" is {Shown(frame)}; an integer from 0 is required");
        }
        if (!entry.TryGetProperty("time", out JsonElement time))
        {
            throw _wrong("it has neither \"frame\" nor \"time\"");
        }
        if (isStored)
        {
            throw _wrong("it has a \"time\", but \"frameNumbers\" is \"stored\": give its \"frame\"");
        }
        if (frameRate is null)
        {
            throw _wrong("it has a \"time\", but the file has no \"frameRate\"");
        }
        return time.ValueKind == JsonValueKind.Number && time.TryGetDouble(out double seconds) && seconds is >= 0 and <= 1e6
            ? (long)Math.Round(seconds * frameRate.Value)
            : throw _wrong($"\"time\" is {Shown(time)}; seconds from 0 are required");
    }

    /// <summary>The entry's faces: "faces", or "points" of the only one; null or absent for none.</summary>
    public IReadOnlyList<DetectedFace> Faces(JsonElement entry)
    {
        if (entry.TryGetProperty("faces", out JsonElement faces) && faces.ValueKind != JsonValueKind.Null)
        {
            if (faces.ValueKind != JsonValueKind.Array || faces.GetArrayLength() > _maxFaces)
            {
                throw _wrong($"\"faces\" must be an array of at most {_maxFaces} faces");
            }
            return [.. faces.EnumerateArray().Select(Face).OfType<DetectedFace>()];
        }
        return Face(entry) is { } face ? [face] : [];
    }

    private DetectedFace? Face(JsonElement face)
    {
        if (face.ValueKind != JsonValueKind.Object)
        {
            throw _wrong($"a face is {Shown(face)}; an object is required");
        }
        if (!face.TryGetProperty("points", out JsonElement list) || list.ValueKind == JsonValueKind.Null)
        {
            return null;
        }
        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() is not (3 or 5 or 68 or 106))
        {
            Sentence found = list.ValueKind == JsonValueKind.Array ? $"has {list.GetArrayLength()} entries" : (Sentence)$"is {Shown(list)}";
            throw _wrong($"\"points\" {found}; 3, 5, 68 or 106 pairs [x, y] or null are required");
        }
        FacePoint[] p = [.. list.EnumerateArray().Select(Point)];
        if (p.All(point => Math.Abs(point.X) <= LargestFraction && Math.Abs(point.Y) <= LargestFraction))
        {
            throw _wrong(
                "all points lie between 0 and 1, so they are fractions of the picture (as MediaPipe gives them); pixels are required: multiply x by the frame's width and y by its height"
            );
        }
        AlignmentPoints points = p.Length switch
        {
            3 => new AlignmentPoints(p[0], p[1], p[2]),
            5 => FaceProportions.FromFivePoints(p[0], p[1], p[2], p[3], p[4]),
            68 => FaceProportions.From68(p),
            _ => FaceProportions.From106(p),
        };
        if (!points.IsUsable)
        {
            throw _wrong("the points coincide");
        }
        double score = 1;
        if (
            face.TryGetProperty("score", out JsonElement value)
            && (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out score) || score is not (>= 0 and <= 1))
        )
        {
            throw _wrong($"\"score\" is {Shown(value)}; a number from 0 to 1 is required");
        }
        return new DetectedFace(Box(face) ?? FaceProportions.BoxAround(points), score, points, true);
    }

    private FaceBox? Box(JsonElement face)
    {
        if (!face.TryGetProperty("box", out JsonElement box) || box.ValueKind == JsonValueKind.Null)
        {
            return null;
        }
        if (box.ValueKind != JsonValueKind.Array || box.GetArrayLength() != 4)
        {
            throw _wrong($"\"box\" is {Shown(box)}; [left, top, right, bottom] is required");
        }
        double[] edges = [.. box.EnumerateArray().Select(Number)];
        return edges[0] < edges[2] && edges[1] < edges[3]
            ? new FaceBox(edges[0], edges[1], edges[2], edges[3])
            : throw _wrong($"\"box\" is {Shown(box)}; left < right and top < bottom are required");
    }

    private FacePoint Point(JsonElement pair) =>
        pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() == 2
            ? new FacePoint(Number(pair[0]), Number(pair[1]))
            : throw _wrong($"a point is {Shown(pair)}; [x, y] is required");

    private double Number(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && Math.Abs(number) <= _maxCoordinate
            ? number
            : throw _wrong($"a coordinate is {Shown(value)}; a number within ±{_maxCoordinate} pixels is required");
}
