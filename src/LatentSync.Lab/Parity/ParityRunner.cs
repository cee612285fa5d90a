using System.Globalization;

namespace LatentSync.Lab.Parity;

/// <summary>Computes golden fixtures with this project's own code and compares.</summary>
public static class ParityRunner
{
    /// <summary>Runs every fixture that the arguments lead to, on the CPU in float32.</summary>
    /// <param name="paths">Fixtures' folders, or folders that hold such folders; a file that is no manifest (a shell's * finds README.md)
    /// is passed over.</param>
    /// <param name="completed">Called after each fixture, on the calling thread; for progress.</param>
    /// <param name="fixtures">Kinds to use; <see cref="ParityFixtures.All"/> when null.</param>
    /// <param name="cancellationToken">Checked between comparisons.</param>
    /// <returns>One result a fixture. A broken fixture fails with a message and does not stop the others.</returns>
    /// <exception cref="ParityException">A path does not exist, or no path leads to a fixture; nothing was computed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static ParitySummary Run(
        IEnumerable<string> paths,
        Action<ParityResult>? completed = null,
        IReadOnlyList<IParityFixture>? fixtures = null,
        CancellationToken cancellationToken = default
    )
    {
        List<string> folders = FindFixtures(paths);
        List<ParityResult> results = [];
        foreach (string folder in folders)
        {
            ParityResult result = RunFolder(folder, fixtures ?? ParityFixtures.All, cancellationToken);
            results.Add(result);
            completed?.Invoke(result);
        }
        return new ParitySummary(results);
    }

    private static List<string> FindFixtures(IEnumerable<string> paths)
    {
        List<string> folders = [];
        foreach (string path in paths)
        {
            if (File.Exists(path))
            {
                if (Path.GetFileName(path) == ParityManifest.FileName)
                {
                    folders.Add(Path.GetDirectoryName(Path.GetFullPath(path))!);
                }
                continue;
            }
            if (!Directory.Exists(path))
            {
                throw new ParityException($"{path} does not exist; give a fixture's folder, or a folder of such folders.");
            }
            string[] children = HasManifest(path)
                ? []
                : [.. Directory.GetDirectories(path).Where(HasManifest).Order(StringComparer.Ordinal)];
            folders.AddRange(children.Length > 0 ? children : [path]);
        }
        return folders.Count > 0
            ? folders
            : throw new ParityException("No path leads to a fixture; give a fixture's folder, or a folder of such folders.");
    }

    private static bool HasManifest(string folder) => File.Exists(Path.Combine(folder, ParityManifest.FileName));

    private static ParityResult RunFolder(string folder, IReadOnlyList<IParityFixture> fixtures, CancellationToken cancellationToken)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        string kind = "-";
        List<ParityComparison> comparisons = [];
        try
        {
            ParityManifest manifest = ParityManifest.Read(folder);
            name = manifest.Fixture;
            IParityFixture? fixture = fixtures.FirstOrDefault(f => f.Recognises(manifest));
            if (fixture is null)
            {
                return new ParityResult(folder, name, kind, ParityOutcome.Skipped, [], $"no known kind: {Describe(manifest)}");
            }
            kind = fixture.GetType().Name;
            foreach (ParityComparison comparison in fixture.Run(manifest))
            {
                cancellationToken.ThrowIfCancellationRequested();
                comparisons.Add(comparison);
            }
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // Whatever a broken fixture or a defect of ours throws is that fixture's failure; the others still run.
            string cause = exception is ParityException ? exception.Message : $"{exception.GetType().Name}: {exception.Message}";
            return new ParityResult(folder, name, kind, ParityOutcome.Failed, comparisons, cause.ReplaceLineEndings(" "));
        }
        return Judge(folder, name, kind, comparisons);
    }

    private static ParityResult Judge(string folder, string name, string kind, List<ParityComparison> comparisons)
    {
        if (comparisons.Count == 0)
        {
            return new ParityResult(folder, name, kind, ParityOutcome.Failed, comparisons, "holds nothing to compare");
        }
        if (comparisons.FirstOrDefault(c => !c.Passed) is { } first)
        {
            int failed = comparisons.Count(c => !c.Passed);
            string message = $"{failed} of {comparisons.Count} comparisons failed, first {first.Name}: {first.Detail}";
            return new ParityResult(folder, name, kind, ParityOutcome.Failed, comparisons, message);
        }
        double largest = comparisons.Max(c => c.MaxAbsoluteError);
        string passed = string.Create(
            CultureInfo.InvariantCulture,
            $"{comparisons.Count} comparisons, largest difference {largest:0.0e+0}"
        );
        return new ParityResult(folder, name, kind, ParityOutcome.Passed, comparisons, passed);
    }

    private static string Describe(ParityManifest manifest) => manifest.Component.Length > 0 ? manifest.Component : manifest.Fixture;
}
