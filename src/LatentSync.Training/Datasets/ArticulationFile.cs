using System.Globalization;
using System.Text;
using System.Text.Json;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Json;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Synthesis;
using LatentSync.Media.Synthesis.Voices;

namespace LatentSync.Training.Datasets;

/// <summary>How the mouth of a drawn head moves, frame by frame, and what it was drawn from: NAME.articulation.json beside
/// NAME.mp4.</summary>
/// <remarks>It is the truth that trained networks are measured against; training itself does not read it. The file is written last, so that
/// a clip which has it is complete.</remarks>
/// <example><code>
/// ArticulationFile file = ArticulationFile.Load("clips/clip-000001.articulation.json");
/// double opening = file.Frames[12].Mouth.Opening;
/// </code></example>
public sealed record ArticulationFile
{
    /// <summary>End of the file's name, after the clip's.</summary>
    public const string Extension = ".articulation.json";

    /// <summary>Version of the format.</summary>
    public const int Version = 1;

    private const string Format = "latentsync-articulation";
    private const int MaxBytes = 64 << 20;
    private const int MaxFrames = 200_000;

    /// <summary>Frames per second.</summary>
    public required double FrameRate { get; init; }

    /// <summary>Side of the whole picture in pixels.</summary>
    public required int Size { get; init; }

    /// <summary>Side of the aligned face in pixels; null: no faces were written.</summary>
    public int? FaceResolution { get; init; }

    /// <summary>Seed of the person.</summary>
    public required long IdentitySeed { get; init; }

    /// <summary>Seed of the voice.</summary>
    public required long VoiceSeed { get; init; }

    /// <summary>Seed of the sentence.</summary>
    public required long SpeechSeed { get; init; }

    /// <summary>One entry per frame, from frame 0.</summary>
    public required IReadOnlyList<ArticulationFrame> Frames { get; init; }

    /// <summary>Describes a clip.</summary>
    /// <param name="clip">The clip.</param>
    /// <param name="faceResolution">Side of the aligned face in pixels; null: none.</param>
    public static ArticulationFile Of(SyntheticClip clip, int? faceResolution)
    {
        ArgumentNullException.ThrowIfNull(clip);
        var frames = new ArticulationFrame[clip.FrameCount];
        for (int i = 0; i < frames.Length; i++)
        {
            double seconds = clip.SecondsAt(i);
            Utterance utterance = clip.Utterance;
            frames[i] = new ArticulationFrame(clip.Articulation.At(seconds), utterance.Segments[utterance.IndexAt(seconds)].Phone);
        }
        return new ArticulationFile
        {
            FrameRate = clip.Options.FrameRate,
            Size = clip.Options.Width,
            FaceResolution = faceResolution,
            IdentitySeed = clip.Options.IdentitySeed ?? clip.Options.Seed,
            VoiceSeed = clip.Options.VoiceSeed ?? clip.Options.Seed,
            SpeechSeed = clip.Options.SpeechSeed ?? clip.Options.Seed,
            Frames = frames,
        };
    }

    /// <summary>The file that belongs to a video: beside it, or in the folder above when the video is one of its faces; null when there is
    /// none.</summary>
    /// <param name="videoPath">Path of the video.</param>
    public static string? PathFor(string videoPath)
    {
        ArgumentException.ThrowIfNullOrEmpty(videoPath);
        string full = Path.GetFullPath(videoPath);
        string folder = Path.GetDirectoryName(full) ?? full;
        string name = Path.GetFileNameWithoutExtension(full) + Extension;
        string beside = Path.Combine(folder, name);
        if (File.Exists(beside))
        {
            return beside;
        }
        string? above = Path.GetFileName(folder) == SyntheticDatasetWriter.FacesName ? Path.GetDirectoryName(folder) : null;
        return above is not null && File.Exists(Path.Combine(above, name)) ? Path.Combine(above, name) : null;
    }

    /// <summary>Writes the file; it appears complete or not at all.</summary>
    /// <param name="path">Path of the file.</param>
    /// <exception cref="Media.MediaException">The folder cannot be written.</exception>
    public void Save(string path) => PartialFile.Write(path, Encoding.UTF8.GetBytes(ToJson()));

    /// <summary>Reads a file.</summary>
    /// <param name="path">Path of the file.</param>
    /// <exception cref="TrainingDataException">The file is missing, too large, no JSON, of another version, or an entry is
    /// wrong.</exception>
    public static ArticulationFile Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using JsonDocument document = StrictJson.Parse(InputFile.ReadAllBytes(path, MaxBytes), maxDepth: 8);
            return Parse(document.RootElement, path);
        }
        catch (JsonException e)
        {
            throw new TrainingDataException(
                $"The articulation file {path} is not valid JSON at {StrictJson.Place(e)}: {StrictJson.Problem(e)}.",
                path,
                e
            );
        }
        catch (InputFileException e)
        {
            throw new TrainingDataException($"The articulation file {path} {e.Problem}.", path, e);
        }
    }

    /// <summary>The file's text: one frame per line.</summary>
    public string ToJson()
    {
        IFormatProvider invariant = CultureInfo.InvariantCulture;
        var text = new StringBuilder();
        text.Append(invariant, $"{{\"format\": \"{Format}\", \"version\": {Version}, \"frameRate\": {FrameRate}, \"size\": {Size}");
        if (FaceResolution is { } resolution)
        {
            text.Append(invariant, $", \"faceResolution\": {resolution}");
        }
        text.Append(
            invariant,
            $",\n\"seeds\": {{\"identity\": {IdentitySeed}, \"voice\": {VoiceSeed}, \"speech\": {SpeechSeed}}},\n\"frames\": ["
        );
        string separator = "\n";
        foreach ((MouthShape mouth, Phone phone) in Frames)
        {
            text.Append(separator)
                .Append(
                    invariant,
                    $"{{\"opening\": {mouth.Opening:0.#####}, \"width\": {mouth.Width:0.#####}, \"rounding\": {mouth.Rounding:0.#####}, "
                        + $"\"teeth\": {mouth.Teeth:0.#####}, \"tongue\": {mouth.Tongue:0.#####}, \"tuck\": {mouth.Tuck:0.#####}, \"phone\": \"{phone}\"}}"
                );
            separator = ",\n";
        }
        return text.Append("\n]}\n").ToString();
    }

    private static ArticulationFile Parse(JsonElement root, string path)
    {
        if (
            root.ValueKind != JsonValueKind.Object
            || !root.TryGetProperty("version", out JsonElement version)
            || version.ValueKind != JsonValueKind.Number
            || !version.TryGetInt32(out int number)
            || number != Version
        )
        {
            throw Wrong(path, $"has no \"version\": {Version}");
        }
        JsonElement seeds = Member(root, "seeds", JsonValueKind.Object, path);
        JsonElement frames = Member(root, "frames", JsonValueKind.Array, path);
        if (frames.GetArrayLength() is < 1 or > MaxFrames)
        {
            throw Wrong(path, $"has {frames.GetArrayLength()} frames; 1 to {MaxFrames} are accepted");
        }
        return new ArticulationFile
        {
            FrameRate = Number(root, "frameRate", 0.1, 1000, path),
            Size = (int)Number(root, "size", 1, 65536, path),
            FaceResolution = root.TryGetProperty("faceResolution", out _) ? (int)Number(root, "faceResolution", 1, 65536, path) : null,
            IdentitySeed = Seed(seeds, "identity", path),
            VoiceSeed = Seed(seeds, "voice", path),
            SpeechSeed = Seed(seeds, "speech", path),
            Frames = [.. frames.EnumerateArray().Select(frame => Frame(frame, path))],
        };
    }

    private static ArticulationFrame Frame(JsonElement frame, string path)
    {
        double Unit(string name) => Number(frame, name, 0, 1, path);
        MouthShape mouth = new(Unit("opening"), Unit("width"), Unit("rounding"), Unit("teeth"), Unit("tongue"), Unit("tuck"));
        string name = Member(frame, "phone", JsonValueKind.String, path).GetString()!;
        return Enum.TryParse(name, out Phone phone) && Enum.IsDefined(phone) && phone.ToString() == name
            ? new ArticulationFrame(mouth, phone)
            : throw Wrong(path, $"names the unknown phone \"{(name.Length > 20 ? name[..20] : name)}\"");
    }

    private static double Number(JsonElement parent, string name, double least, double most, string path) =>
        Member(parent, name, JsonValueKind.Number, path).TryGetDouble(out double value) && value >= least && value <= most
            ? value
            : throw Wrong(path, $"has a \"{name}\" outside {least} to {most}");

    private static long Seed(JsonElement parent, string name, string path) =>
        Member(parent, name, JsonValueKind.Number, path).TryGetInt64(out long value)
            ? value
            : throw Wrong(path, $"has a seed \"{name}\" that is not a whole number");

    private static JsonElement Member(JsonElement parent, string name, JsonValueKind kind, string path) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out JsonElement value) && value.ValueKind == kind
            ? value
            : throw Wrong(path, $"lacks \"{name}\" (of kind {kind})");

    private static TrainingDataException Wrong(string path, Sentence what) => new($"The articulation file {path} {what}.", path);
}
