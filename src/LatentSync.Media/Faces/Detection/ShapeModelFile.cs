using LatentSync.Foundation.Files;

namespace LatentSync.Media.Faces.Detection;

/// <summary>Finds and reads dlib's model of 68 face points.</summary>
/// <remarks>The file: version (1), mean shape, stages of trees (each: splits as first pixel, second pixel, threshold; leaves as columns),
/// for each stage the anchors, for each stage the offsets. Counts are bounded, and by what the file can hold; indices lie within what they
/// point into; numbers are finite.</remarks>
internal static class ShapeModelFile
{
    /// <summary>The file's name.</summary>
    public const string FileName = "shape_predictor_68_face_landmarks.dat";

    /// <summary>Points that a face must have: the iBUG annotation.</summary>
    public const int RequiredPoints = 68;

    private const long MaxBytes = 1L << 30;
    private const int MaxPoints = 1024;
    private const int MaxStages = 100;
    private const int MaxTrees = 10_000;
    private const int MaxSplits = 1023;
    private const int MaxPixels = ushort.MaxValue;
    private const long MaxLeafValues = 1L << 28; // 1 GiB of numbers
    private const int NumberBytes = 2; // the fewest: zero is two bytes
    private const int SplitBytes = 4;

    /// <summary>Where packages put it: Debian and Ubuntu (libdlib-data), local installations, Homebrew.</summary>
    public static IReadOnlyList<string> UsualFolders { get; } =
    ["/usr/share/dlib", "/usr/local/share/dlib", "/opt/homebrew/share/dlib", "/opt/local/share/dlib"];

    /// <summary>The file to use; null when there is none.</summary>
    /// <param name="options">Whether the usual folders count.</param>
    /// <param name="folders">Looked through before them.</param>
    public static string? Find(FaceDetectorOptions options, IEnumerable<string> folders) =>
        folders
            .Concat(options.UsualPointFolders ? UsualFolders : [])
            .Select(folder => Path.Combine(folder, FileName))
            .FirstOrDefault(File.Exists);

    /// <summary>Reads a model.</summary>
    /// <param name="path">The .dat file.</param>
    /// <exception cref="FaceException">The file is missing or no such model.</exception>
    public static ShapeModel Read(string path)
    {
        try
        {
            using FileStream stream = InputFile.OpenRead(path, MaxBytes);
            ShapeModel model = Read(stream, what => Wrong(path, what));
            return model.PointCount == RequiredPoints
                ? model
                : throw Wrong(path, FormattableString.Invariant($"it has {model.PointCount} points; {RequiredPoints} are required"));
        }
        catch (InputFileException e)
        {
            throw new FaceException(
                e.Fault == InputFileFault.Missing ? FaceFault.Missing : FaceFault.Model,
                $"The face point model {path} {e.Problem}.",
                path,
                innerException: e
            );
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaceException(FaceFault.Model, $"The face point model {path} cannot be read: {e.Message}", path, innerException: e);
        }
    }

    /// <summary>Reads a model of any number of points.</summary>
    /// <param name="stream">From the model's first byte to its last.</param>
    /// <param name="wrong">Makes the fault from what is wrong.</param>
    public static ShapeModel Read(Stream stream, Func<string, FaceException> wrong)
    {
        var reader = new DlibReader(stream, wrong);
        _ = reader.Integer("the version", 1, 1);
        float[] mean = reader.Column("the mean shape", 2 * MaxPoints);
        if (mean.Length % 2 != 0 || mean.Length < 4)
        {
            throw reader.Wrong(FormattableString.Invariant($"the mean shape has {mean.Length} numbers; pairs of x and y are required"));
        }
        var trees = new List<Forest>();
        int stages = reader.Count("the number of stages", 1, MaxStages, 1);
        long budget = MaxLeafValues;
        for (int stage = 0; stage < stages; stage++)
        {
            trees.Add(ReadForest(reader, mean.Length, ref budget));
        }
        RequireStages(reader, "the anchors", stages);
        var anchors = new List<int[]>();
        for (int stage = 0; stage < stages; stage++)
        {
            int[] of = new int[reader.Count("a stage's number of anchors", 1, MaxPixels, 1)];
            for (int i = 0; i < of.Length; i++)
            {
                of[i] = reader.Integer("an anchor", 0, (mean.Length / 2) - 1);
            }
            RequirePixels(reader, trees[stage], of.Length);
            anchors.Add(of);
        }
        RequireStages(reader, "the offsets", stages);
        var result = new List<ShapeStage>();
        for (int stage = 0; stage < stages; stage++)
        {
            int pixels = anchors[stage].Length;
            _ = reader.Integer("a stage's number of offsets", pixels, pixels);
            float[] offsets = new float[2 * pixels];
            for (int i = 0; i < offsets.Length; i++)
            {
                offsets[i] = reader.Number("an offset");
            }
            Forest of = trees[stage];
            result.Add(new ShapeStage(anchors[stage], offsets, of.Trees, of.Splits, of.First, of.Second, of.Thresholds, of.Leaves));
        }
        return reader.Remaining == 0
            ? new ShapeModel(mean, result)
            : throw reader.Wrong(FormattableString.Invariant($"{reader.Remaining} bytes follow the model"));
    }

    private static Forest ReadForest(DlibReader reader, int shape, ref long budget)
    {
        int trees = reader.Count("a stage's number of trees", 1, MaxTrees, SplitBytes + (2L * NumberBytes * shape));
        Forest? forest = null;
        for (int tree = 0; tree < trees; tree++)
        {
            int splits = reader.Count("a tree's number of splits", forest?.Splits ?? 1, forest?.Splits ?? MaxSplits, SplitBytes);
            if (forest is null)
            {
                forest = NewForest(reader, trees, splits, shape, ref budget);
            }
            for (int i = tree * splits; i < (tree + 1) * splits; i++)
            {
                forest.First[i] = (ushort)reader.Integer("a split's first pixel", 0, MaxPixels - 1);
                forest.Second[i] = (ushort)reader.Integer("a split's second pixel", 0, MaxPixels - 1);
                forest.Thresholds[i] = reader.Number("a split's threshold");
            }
            int leaves = splits + 1;
            _ = reader.Integer("a tree's number of leaves", leaves, leaves);
            for (int leaf = tree * leaves; leaf < (tree + 1) * leaves; leaf++)
            {
                reader.Column("a leaf", forest.Leaves.AsSpan(leaf * shape, shape));
            }
        }
        return forest!;
    }

    /// <summary>Room for a stage's trees, once it is known that they can be in the file.</summary>
    private static Forest NewForest(DlibReader reader, int trees, int splits, int shape, ref long budget)
    {
        if (!int.IsPow2(splits + 1))
        {
            throw reader.Wrong(FormattableString.Invariant($"a tree has {splits} splits; a full tree is required"));
        }
        long values = (long)trees * (splits + 1) * shape;
        budget -= values;
        if (budget < 0 || values * NumberBytes > reader.Remaining)
        {
            throw reader.Wrong(FormattableString.Invariant($"{trees} trees of {splits} splits are more than the file can hold"));
        }
        return new Forest(
            trees,
            splits,
            new ushort[trees * splits],
            new ushort[trees * splits],
            new float[trees * splits],
            new float[values]
        );
    }

    private static void RequireStages(DlibReader reader, string what, int stages) =>
        _ = reader.Integer($"the number of stages of {what}", stages, stages);

    private static void RequirePixels(DlibReader reader, Forest forest, int pixels)
    {
        if (forest.First.Max() >= pixels || forest.Second.Max() >= pixels)
        {
            throw reader.Wrong(FormattableString.Invariant($"a split compares a pixel beyond the {pixels} of its stage"));
        }
    }

    private static FaceException Wrong(string path, string what) =>
        new(FaceFault.Model, $"{path} is no model of face points as dlib writes it: {what}; take {FileName} from its package.", path);

    private sealed record Forest(int Trees, int Splits, ushort[] First, ushort[] Second, float[] Thresholds, float[] Leaves);
}
