using System.Globalization;
using System.Text;
using System.Text.Json;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Json;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Faces.Detection;

/// <summary>Faces per frame as a JSON file, read and written. The format is described in docs/landmarks-file.md.</summary>
public sealed class LandmarksFile
{
    /// <summary>Version of the format.</summary>
    public const int Version = 1;

    /// <summary>Name of the format, in the entry "format".</summary>
    public const string Format = "latentsync-landmarks";

    private const int MaxBytes = 256 << 20;
    private const int MaxFrames = 2_000_000;
    private const int MaxFacesPerFrame = 64;
    private const double MaxCoordinate = 1e6;

    private readonly Dictionary<long, IReadOnlyList<DetectedFace>> _faces;

    /// <summary>Makes a file's content.</summary>
    /// <param name="faces">Faces by frame index; frames that are missing have none.</param>
    /// <param name="width">Width in pixels of the frames the points were measured in; null: that of whatever video they are used
    /// for.</param>
    /// <param name="height">Height in pixels, given together with the width.</param>
    public LandmarksFile(IReadOnlyDictionary<long, IReadOnlyList<DetectedFace>> faces, int? width = null, int? height = null)
    {
        ArgumentNullException.ThrowIfNull(faces);
        _faces = new Dictionary<long, IReadOnlyList<DetectedFace>>(faces);
        Width = width;
        Height = height;
    }

    /// <summary>Width in pixels of the frames the points were measured in; null: any.</summary>
    public int? Width { get; }

    /// <summary>Height in pixels of the frames the points were measured in; null: any.</summary>
    public int? Height { get; }

    /// <summary>What frames are counted. Default: not said.</summary>
    public LandmarksFrameNumbers FrameNumbers { get; init; }

    /// <summary>Number of frames with at least one face.</summary>
    public int FrameCount => _faces.Count(entry => entry.Value.Count > 0);

    /// <summary>The faces of a frame in pixels of a video of the given size.</summary>
    /// <param name="frameIndex">Counted from 0, as <see cref="FrameNumbers"/> says.</param>
    /// <param name="width">Width of the video in pixels.</param>
    /// <param name="height">Height of the video in pixels.</param>
    public IReadOnlyList<DetectedFace> FacesOf(long frameIndex, int width, int height)
    {
        if (!_faces.TryGetValue(frameIndex, out IReadOnlyList<DetectedFace>? faces))
        {
            return [];
        }
        if (Width is null || Height is null || (Width == width && Height == height))
        {
            return faces;
        }
        var map = AffineMatrix.Resize((double)width / Width.Value, (double)height / Height.Value);
        return [.. faces.Select(face => face with { Points = face.Points.Transform(map), Box = Resize(face.Box, map) })];
    }

    /// <summary>Reads a file.</summary>
    /// <param name="path">Path of the file.</param>
    /// <exception cref="FaceException">The file is missing, too large, no JSON, of another version, or an entry is wrong; the message says
    /// which and where.</exception>
    public static LandmarksFile Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        byte[] json = ReadBytes(path);
        try
        {
            using JsonDocument document = StrictJson.Parse(json, maxDepth: 16, isLenient: true);
            return Parse(document.RootElement, path);
        }
        catch (JsonException e)
        {
            throw new FaceException(
                FaceFault.Landmarks,
                $"The landmarks file {PrintableText.Escape(path)} is not valid JSON at {StrictJson.Place(e)}: {StrictJson.Problem(e)}.",
                path,
                innerException: e
            );
        }
    }

    /// <summary>Reads the text of a file.</summary>
    /// <param name="root">The document.</param>
    /// <param name="path">Named in messages.</param>
    /// <exception cref="FaceException">An entry is wrong.</exception>
    internal static LandmarksFile Parse(JsonElement root, string path)
    {
        FaceException Wrong(Sentence what) => new(FaceFault.Landmarks, $"The landmarks file {PrintableText.Escape(path)} {what}.", path);

        if (
            root.ValueKind != JsonValueKind.Object
            || !root.TryGetProperty("version", out JsonElement version)
            || version.ValueKind != JsonValueKind.Number
            || !version.TryGetInt32(out int number)
            || number != Version
        )
        {
            throw Wrong($"has no \"version\": {Version}; see docs/landmarks-file.md");
        }
        double? frameRate = OptionalNumber(root, "frameRate", 0.1, 1000, Wrong);
        double? width = OptionalNumber(root, "width", 1, 65536, Wrong),
            height = OptionalNumber(root, "height", 1, 65536, Wrong);
        if (width is null != height is null)
        {
            throw Wrong("has only one of \"width\" and \"height\"; give both or neither");
        }
        LandmarksFrameNumbers numbers = Numbers(root, Wrong);
        if (!root.TryGetProperty("frames", out JsonElement frames) || frames.ValueKind != JsonValueKind.Array)
        {
            throw Wrong("has no array \"frames\"");
        }
        if (frames.GetArrayLength() > MaxFrames)
        {
            throw Wrong($"has {frames.GetArrayLength()} frames; at most {MaxFrames} are accepted");
        }
        var faces = new Dictionary<long, IReadOnlyList<DetectedFace>>();
        int entry = 0;
        bool hasNumbers = false;
        foreach (JsonElement frame in frames.EnumerateArray())
        {
            int current = entry++;
            var parser = new LandmarksEntryParser(
                what => Wrong($"is wrong in entry {current} of \"frames\": {what}"),
                MaxFacesPerFrame,
                MaxCoordinate
            );
            long index = parser.FrameIndex(frame, frameRate, numbers == LandmarksFrameNumbers.Stored);
            hasNumbers |= frame.TryGetProperty("frame", out _);
            if (!faces.TryAdd(index, parser.Faces(frame)))
            {
                throw Wrong($"has frame {index} twice (entry {current} of \"frames\")");
            }
        }
        return new LandmarksFile(faces, (int?)width, (int?)height) { FrameNumbers = hasNumbers ? numbers : LandmarksFrameNumbers.Read };
    }

    /// <summary>Writes a file, replacing an existing one when complete.</summary>
    /// <param name="path">Path of the file.</param>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        PartialFile.Write(path, Encoding.UTF8.GetBytes(ToJson()));
    }

    /// <summary>The file's text: one frame per line.</summary>
    public string ToJson()
    {
        var text = new StringBuilder();
        IFormatProvider invariant = CultureInfo.InvariantCulture;
        text.Append(invariant, $"{{\"format\": \"{Format}\", \"version\": {Version}");
        if (Width is not null && Height is not null)
        {
            text.Append(invariant, $", \"width\": {Width}, \"height\": {Height}");
        }
        text.Append(
            FrameNumbers switch
            {
                LandmarksFrameNumbers.Stored => ", \"frameNumbers\": \"stored\"",
                LandmarksFrameNumbers.Read => ", \"frameNumbers\": \"read\"",
                _ => string.Empty,
            }
        );
        text.Append(", \"frames\": [");
        string separator = "\n";
        foreach ((long frame, IReadOnlyList<DetectedFace> faces) in _faces.OrderBy(entry => entry.Key))
        {
            text.Append(separator).Append(invariant, $"{{\"frame\": {frame}, \"faces\": [");
            text.AppendJoin(", ", faces.Select(Face));
            text.Append("]}");
            separator = ",\n";
        }
        return text.Append("\n]}\n").ToString();

        static string Face(DetectedFace face)
        {
            (AlignmentPoints p, FaceBox box) = (face.Points, face.Box);
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{{\"points\": [{Pair(p.LeftBrow)}, {Pair(p.RightBrow)}, {Pair(p.Nose)}], "
                    + $"\"box\": [{box.Left:0.###}, {box.Top:0.###}, {box.Right:0.###}, {box.Bottom:0.###}], \"score\": {face.Score:0.####}}}"
            );
        }

        static string Pair(FacePoint p) => string.Create(CultureInfo.InvariantCulture, $"[{p.X:0.####}, {p.Y:0.####}]");
    }

    private static LandmarksFrameNumbers Numbers(JsonElement root, Func<Sentence, FaceException> wrong)
    {
        if (!root.TryGetProperty("frameNumbers", out JsonElement value) || value.ValueKind == JsonValueKind.Null)
        {
            return LandmarksFrameNumbers.Unsaid;
        }
        return value.ValueKind != JsonValueKind.String ? throw Unknown()
            : value.ValueEquals("stored") ? LandmarksFrameNumbers.Stored
            : value.ValueEquals("read") ? LandmarksFrameNumbers.Read
            : throw Unknown();

        FaceException Unknown() => wrong($"has \"frameNumbers\": {LandmarksEntryParser.Shown(value)}; \"read\" or \"stored\" is required");
    }

    private static FaceBox Resize(FaceBox box, AffineMatrix map)
    {
        FacePoint low = map.Apply(new(box.Left, box.Top)),
            high = map.Apply(new(box.Right, box.Bottom));
        return new FaceBox(low.X, low.Y, high.X, high.Y);
    }

    private static double? OptionalNumber(JsonElement root, string name, double least, double most, Func<Sentence, FaceException> wrong)
    {
        if (!root.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out double number) || !(number >= least && number <= most))
        {
            throw wrong($"has \"{name}\": {LandmarksEntryParser.Shown(value)}; a number from {least} to {most} is required");
        }
        return number;
    }

    private static byte[] ReadBytes(string path)
    {
        try
        {
            return InputFile.ReadAllBytes(path, MaxBytes);
        }
        catch (InputFileException e)
        {
            throw new FaceException(
                e.Fault == InputFileFault.TooLarge ? FaceFault.Landmarks : FaceFault.Missing,
                $"The landmarks file {PrintableText.Escape(path)} {e.Problem}.",
                path,
                innerException: e
            );
        }
    }
}
