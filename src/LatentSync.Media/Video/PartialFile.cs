using System.Security.Cryptography;
using System.Text;

namespace LatentSync.Media.Video;

/// <summary>A file under a private name beside its target, moved into place when complete. Disposing an unfinished one removes it, and the
/// folders that were made for it.</summary>
public sealed class PartialFile : IDisposable
{
    private const int MaximumStemBytes = 80;
    private readonly List<string> _createdFolders = [];
    private readonly string _target;
    private bool _done;

    /// <summary>Creates the empty private file; missing folders of the target are made.</summary>
    /// <param name="targetPath">Where the finished file is to be. Untouched until <see cref="MoveIntoPlace"/>.</param>
    /// <exception cref="MediaException"><see cref="MediaFault.OutputFolder"/>, <see cref="MediaFault.DiskFull"/>.</exception>
    public PartialFile(string targetPath)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(targetPath);
        _target = System.IO.Path.GetFullPath(targetPath);
        if (Directory.Exists(_target))
        {
            throw new MediaException(
                MediaFault.OutputFolder,
                $"The output {MediaFile.Show(targetPath)} is a folder: name a file in it.",
                targetPath
            );
        }

        string folder = System.IO.Path.GetDirectoryName(_target)!;
        string stem = Shortened(System.IO.Path.GetFileNameWithoutExtension(_target));
        string random = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));
        Path = System.IO.Path.Combine(folder, $".{stem}.{random}.partial{System.IO.Path.GetExtension(_target)}");
        try
        {
            CreateFolders(folder);
            new FileStream(Path, FileMode.CreateNew, FileAccess.Write).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Dispose();
            throw Failure(e, targetPath);
        }
    }

    /// <summary>Writes a whole file: beside its target first, then moved into place.</summary>
    /// <param name="targetPath">Where it is to be; replaced if it exists.</param>
    /// <param name="content">Its bytes.</param>
    /// <exception cref="MediaException"><see cref="MediaFault.OutputFolder"/>, <see cref="MediaFault.DiskFull"/>.</exception>
    /// <exception cref="IOException">The content cannot be written; the target stays as it was.</exception>
    public static void Write(string targetPath, ReadOnlySpan<byte> content)
    {
        using PartialFile file = new(targetPath);
        File.WriteAllBytes(file.Path, content);
        file.MoveIntoPlace();
    }

    /// <summary>Full path of the private file.</summary>
    public string Path { get; }

    /// <summary>Replaces the target by the finished file, in one step.</summary>
    /// <exception cref="MediaException"><see cref="MediaFault.OutputFolder"/>: the target cannot be replaced.</exception>
    public void MoveIntoPlace()
    {
        try
        {
            File.Move(Path, _target, overwrite: true);
            _done = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure(e, _target);
        }
    }

    /// <summary>Removes the private file unless it was moved.</summary>
    public void Dispose()
    {
        if (_done)
        {
            return;
        }

        _done = true;
        try
        {
            File.Delete(Path);
            for (int i = _createdFolders.Count - 1; i >= 0; i--)
            {
                Directory.Delete(_createdFolders[i]); // only when empty
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The folder is gone, or somebody put something into it: both leave nothing of ours that could be removed.
        }
    }

    internal static MediaException Failure(Exception error, string target) =>
        IsDiskFull(error)
            ? new MediaException(
                MediaFault.DiskFull,
                $"The disk is full while writing {MediaFile.Show(target)}: free some space or choose another folder; nothing was replaced.",
                target,
                error
            )
            : new MediaException(
                MediaFault.OutputFolder,
                $"The output {MediaFile.Show(target)} cannot be written: {error.Message}",
                target,
                error
            );

    private static bool IsDiskFull(Exception error) =>
        error is IOException
        && (
            (error.HResult & 0xFFFF) is 0x70 or 0x27
            || error.HResult == 28
            || error.Message.Contains("No space left", StringComparison.OrdinalIgnoreCase)
        );

    private void CreateFolders(string folder)
    {
        var missing = new Stack<string>();
        for (string? f = folder; f is not null && !Directory.Exists(f); f = System.IO.Path.GetDirectoryName(f))
        {
            missing.Push(f);
        }

        foreach (string f in missing)
        {
            Directory.CreateDirectory(f);
            _createdFolders.Add(f);
        }
    }

    /// <summary>The start of a name, short enough that the private name stays below the 255 bytes that file systems allow.</summary>
    private static string Shortened(string stem)
    {
        var kept = new StringBuilder();
        int bytes = 0;
        foreach (Rune rune in stem.EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > MaximumStemBytes)
            {
                break;
            }

            kept.Append(rune);
        }

        return kept.ToString();
    }
}
