using System.Text.RegularExpressions;
using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Files;

/// <summary>What may be written to: ordinary files and folders on this machine.</summary>
public static partial class OutputPath
{
    /// <summary>The file that is replaced when a name is written to: a link stays, and the file it leads to is replaced.</summary>
    /// <param name="path">The name as given.</param>
    /// <returns>Full path.</returns>
    /// <exception cref="OutputPathException">Empty, an address on the network, a folder, a pipe, a device, or links in a
    /// circle.</exception>
    public static string File(string path)
    {
        string full = Full(path);
        switch (FileStatus.Of(full)?.Kind)
        {
            case FileKind.Folder:
                throw new OutputPathException($"The output {PrintableText.Quote(path)} is a folder: name a file in it.");
            case FileKind.Special:
                throw new OutputPathException(
                    $"The output {PrintableText.Quote(path)} is a pipe or a device; only an ordinary file can be written: give another name."
                );
        }
        return new FileInfo(full).LinkTarget is null
            ? full
            : ResolvedPath.Of(full)
                ?? throw new OutputPathException(
                    $"The output {PrintableText.Quote(path)} is a link that leads nowhere: give another name."
                );
    }

    /// <summary>A folder for results; need not exist yet.</summary>
    /// <param name="path">The name as given.</param>
    /// <returns>Full path.</returns>
    /// <exception cref="OutputPathException">Empty, an address on the network, or something that is no folder.</exception>
    public static string Folder(string path)
    {
        string full = Full(path);
        return FileStatus.Of(full) is { Kind: not FileKind.Folder }
            ? throw new OutputPathException($"The output {PrintableText.Quote(path)} is a file, but a folder is needed: give another name.")
            : full;
    }

    /// <summary>True for "http://..." and its like, which are no files here.</summary>
    public static bool IsAddress(string path) => Address().IsMatch(path);

    private static string Full(string path) =>
        string.IsNullOrWhiteSpace(path) || path.Contains('\0', StringComparison.Ordinal)
            ? throw new OutputPathException("The output's name is empty: give the path of a file.")
        : IsAddress(path)
            ? throw new OutputPathException(
                $"The output {PrintableText.Quote(path)} is an address on the network; only files of this machine can be written: write a file and upload it."
            )
        : Path.GetFullPath(path);

    [GeneratedRegex(@"\A[A-Za-z][A-Za-z0-9+.-]+://", RegexOptions.CultureInvariant)]
    private static partial Regex Address();
}
