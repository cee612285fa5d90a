using LatentSync.Foundation.Options;
using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Faces.Detection;

/// <summary>Chooses a face detector. The whole order is <see cref="Candidates"/>.</summary>
public static class FaceDetectorFactory
{
    /// <summary>Takes the best detector that is present.</summary>
    public const string Auto = "auto";

    private static readonly string[] ModelSubfolders = [".", "buffalo_l", "models/buffalo_l", "auxiliary/models/buffalo_l"];

    /// <summary>Best first.</summary>
    private static readonly Candidate[] Candidates =
    [
        // the user has measured the points: nothing is better known
        new(
            "landmarks",
            "points from a file",
            o => o.LandmarksPath is null ? (Sentence)"no landmarks file is given (⟦LandmarksPath FILE⟧)" : null,
            o => new LandmarksFileDetector(o.LandmarksPath!)
        ),
        // what the networks were trained on
        new(
            "insightface",
            "InsightFace's 106 points, as in the training",
            InsightFaceAbsence,
            o => new InsightFaceDetector(FindInsightFace(o)!, o.RoundLandmarks)
        ),
        // five measured points, free licence
        new(
            "yunet",
            "YuNet's five points, with dlib's points where there are any",
            YuNetAbsence,
            o => new YuNetDetector(FindYuNet(o)!, Points(o)),
            // its faces are measured better with the points
            o => PointsAbsence(o) is { } points ? (Sentence)$"dlib: {points}" : null
        ),
        // measured points in Haar's boxes; frontal faces only
        new(
            "dlib",
            "dlib's 68 points in Haar's boxes; frontal faces only",
            o => PointsAbsence(o) ?? CascadesAbsence(o),
            o => new HaarDetector(o.CascadesFolder, Points(o))
        ),
        // nothing to download; frontal faces only
        new("haar", "OpenCV's Haar cascades; frontal faces only", CascadesAbsence, o => new HaarDetector(o.CascadesFolder)),
    ];

    /// <summary>What <see cref="Create"/> can be asked for, "auto" first.</summary>
    public static IReadOnlyList<Choice> Choices { get; } =
    [new(Auto, "the best that is present"), .. Candidates.Select(candidate => new Choice(candidate.Name, candidate.Help))];

    /// <summary>The names of <see cref="Choices"/>.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Choices.Select(choice => choice.Name)];

    /// <summary>Opens a detector.</summary>
    /// <param name="name">"auto" or one of <see cref="Names"/>.</param>
    /// <param name="options">What the user gave.</param>
    /// <exception cref="FaceException">The name is unknown; the detector asked for lacks something; with "auto": none is present, with all
    /// reasons. A file that is present but wrong is an error too: a worse detector is not taken in silence.</exception>
    public static FaceDetectorChoice Create(string name, FaceDetectorOptions options)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(options);
        if (!Names.Contains(name))
        {
            throw new FaceException(
                FaceFault.UnknownDetector,
                $"There is no face detector \"{name}\"; the names are {string.Join(", ", Names)}."
            );
        }
        var reasons = new List<Sentence>();
        foreach (Candidate candidate in Candidates)
        {
            if (name != Auto && name != candidate.Name)
            {
                continue;
            }
            if (candidate.Absence(options) is not { } absence)
            {
                IFaceDetector detector = candidate.Open(options);
                if (candidate.Lack?.Invoke(options) is { } lack)
                {
                    reasons.Add(lack);
                }
                return new FaceDetectorChoice(detector, Said());
            }
            reasons.Add(Sentence.Of($"{candidate.Name}: {absence}"));
        }
        throw name == Auto
            ? new FaceException(
                FaceFault.NoDetector,
                $"No face detector is available. Install or name one of these: {Sentence.Join("; ", reasons)}.",
                reasons: Said()
            )
            : new FaceException(FaceFault.DetectorUnavailable, $"The face detector cannot be used: {reasons[0]}.", reasons: Said());

        string[] Said() => [.. reasons.Select(reason => reason.ToString())];
    }

    private static Sentence? InsightFaceAbsence(FaceDetectorOptions options) =>
        FindInsightFace(options) is null
            ? (Sentence)
                $"{InsightFaceDetector.DetectorFile} and {InsightFaceDetector.LandmarkFile} (from InsightFace's pack buffalo_l, non-commercial licence) are not in {Searched(options)}"
            : null;

    private static Sentence? YuNetAbsence(FaceDetectorOptions options) =>
        FindYuNet(options) is null
            ? (Sentence)$"face_detection_yunet*.onnx (from the OpenCV Zoo, MIT licence) is not in {Searched(options)}"
            : null;

    private static Sentence? CascadesAbsence(FaceDetectorOptions options) =>
        HaarCascades.Find(options.CascadesFolder) is null ? HaarCascades.Absence(options.CascadesFolder) : null;

    private static Sentence? PointsAbsence(FaceDetectorOptions options) =>
        FindPoints(options) is null
            ? (Sentence)
                $"{ShapeModelFile.FileName} is in none of the usual folders and not in {Searched(options)}; install dlib's data (Debian, Ubuntu: apt-get install libdlib-data; the package says CC0, but the photographs that the model was trained on, iBUG 300-W, exclude commercial use)"
            : null;

    private static string? FindPoints(FaceDetectorOptions options) => ShapeModelFile.Find(options, Folders(options));

    private static ShapePoints? Points(FaceDetectorOptions options) => FindPoints(options) is { } path ? new ShapePoints(path) : null;

    private static Sentence Searched(FaceDetectorOptions options) =>
        options.ModelFolders.Count == 0
            ? "any folder, since none is given (⟦FaceModelsFolder DIR⟧)"
            : string.Join(" or ", options.ModelFolders);

    private static string? FindInsightFace(FaceDetectorOptions options) =>
        Folders(options)
            .FirstOrDefault(folder =>
                File.Exists(Path.Combine(folder, InsightFaceDetector.DetectorFile))
                && File.Exists(Path.Combine(folder, InsightFaceDetector.LandmarkFile))
            );

    private static string? FindYuNet(FaceDetectorOptions options) =>
        Folders(options)
            .Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "face_detection_yunet*.onnx").Order(StringComparer.Ordinal))
            .FirstOrDefault();

    private static IEnumerable<string> Folders(FaceDetectorOptions options) =>
        options.ModelFolders.SelectMany(folder => ModelSubfolders.Select(sub => Path.Combine(folder, sub)));

    private sealed record Candidate(
        string Name,
        string Help,
        Func<FaceDetectorOptions, Sentence?> Absence,
        Func<FaceDetectorOptions, IFaceDetector> Open,
        Func<FaceDetectorOptions, Sentence?>? Lack = null
    );
}
