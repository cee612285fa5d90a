using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;

namespace LatentSync.Training.Datasets;

/// <summary>The videos to train on, as the original takes them: a file with one path per line, or else all *.mp4 of one folder.</summary>
/// <remarks>The order is a function of the files' names alone, so that a resumed run draws the same videos. A path that names nothing stays
/// in the list: <see cref="FaceClipLibrary"/> skips and names it.</remarks>
internal static class VideoList
{
    private const int MaxBytes = 1 << 28; // two million paths
    private const int MaxPathLength = 4096;

    /// <summary>The list of a configuration: data.train_fileslist where it is given, else data.train_data_dir.</summary>
    /// <param name="fileList">File of paths; null or empty: the folder counts.</param>
    /// <param name="folder">Folder of videos.</param>
    /// <exception cref="TrainingDataException">Neither is given, or what is given is missing or holds no video.</exception>
    public static IReadOnlyList<string> Of(string? fileList, string? folder)
    {
        if (!string.IsNullOrWhiteSpace(fileList))
        {
            return OfFile(fileList);
        }
        return string.IsNullOrWhiteSpace(folder)
            ? throw new TrainingDataException("No videos are named: give a folder of aligned faces, or a file with one path per line.")
            : OfFolder(folder);
    }

    /// <summary>The videos that a path stands for: a folder, one *.mp4, or a file of paths.</summary>
    /// <param name="path">The path.</param>
    /// <exception cref="TrainingDataException">It is missing or holds no video.</exception>
    public static IReadOnlyList<string> OfPath(string path) =>
        Directory.Exists(path) ? OfFolder(path)
        : path.EndsWith(".mp4", StringComparison.OrdinalIgnoreCase) && File.Exists(path) ? [Path.GetFullPath(path)]
        : OfFile(path);

    /// <summary>The *.mp4 files of a folder, not of its subfolders, by name.</summary>
    /// <param name="folder">The folder.</param>
    /// <returns>Full paths, at least one.</returns>
    /// <exception cref="TrainingDataException">The folder is missing, cannot be read, or holds no *.mp4.</exception>
    public static IReadOnlyList<string> OfFolder(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        string full = Path.GetFullPath(folder);
        string[] found;
        try
        {
            // Hidden names are unfinished files of a run that still writes here.
            found =
            [
                .. Directory
                    .EnumerateFiles(full)
                    .Where(path =>
                        Path.GetExtension(path).Equals(".mp4", StringComparison.OrdinalIgnoreCase)
                        && !Path.GetFileName(path).StartsWith('.')
                    ),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Sentence why =
                Directory.Exists(full) ? (Sentence)$"cannot be read ({e.Message})"
                : File.Exists(full) ? "is a file"
                : "does not exist";
            throw new TrainingDataException($"The folder of videos '{folder}' {why}; looked for {full}.", folder, e);
        }
        if (found.Length == 0)
        {
            throw new TrainingDataException(
                $"The folder {full} holds no *.mp4 (its subfolders are not searched): give the folder of the aligned faces themselves, or make some with ⟦synth FacesOnly⟧.",
                folder
            );
        }
        Array.Sort(found, StringComparer.Ordinal);
        return found;
    }

    /// <summary>The paths in a text file, one per line; blank lines do not count.</summary>
    /// <param name="path">The file. A relative path in it is taken from the working directory, as in the original, or where nothing is
    /// there from the file's own folder.</param>
    /// <returns>Full paths in the file's order, at least one.</returns>
    /// <exception cref="TrainingDataException">The file is missing, cannot be read, is too large, or names no video.</exception>
    public static IReadOnlyList<string> OfFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = Path.GetFullPath(path);
        string folder = Path.GetDirectoryName(full)!;
        List<string> paths = [];
        try
        {
            int number = 0;
            foreach (string line in InputFile.ReadLines(full, MaxBytes))
            {
                number++;
                string name = line.Trim();
                if (name.Length == 0)
                {
                    continue;
                }
                if (name.Length > MaxPathLength || name.Contains('\0', StringComparison.Ordinal))
                {
                    throw new TrainingDataException($"Line {number} of '{path}' is not a file path: give one path per line.", path);
                }
                string besideList = Path.GetFullPath(name, folder);
                paths.Add(!File.Exists(name) && File.Exists(besideList) ? besideList : Path.GetFullPath(name));
            }
        }
        catch (InputFileException e)
        {
            throw new TrainingDataException($"The file of video paths '{path}' {e.Problem}; looked for {full}.", path, e);
        }
        return paths.Count > 0
            ? paths
            : throw new TrainingDataException($"The file of video paths {full} names no video: give one path per line.", path);
    }
}
