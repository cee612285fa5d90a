using System.Security.Cryptography;
using System.Text;
using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Files;

/// <summary>
/// A file under a private name beside its target, moved into place when complete: whoever opens the target sees the old content or the new
/// one, whole. Disposing an unfinished one removes it, and the folders that were made for it. What a killed process leaves is removed by
/// the next one that writes into the folder (<see cref="PartialFileSweep"/>).
/// </summary>
/// <remarks>The private name is <c>.STEM.RANDOM.partial.EXT</c>; beside it lies <c>.STEM.RANDOM.partial.lock</c>, held while this object
/// lives.</remarks>
public sealed class PartialFile : IDisposable
{
    private const int MaximumStemBytes = 80;
    private readonly List<string> _createdFolders = [];
    private readonly string _target;
    private readonly UnixFileMode? _mode;
    private readonly PartialFileLock? _lock;
    private bool _done;

    /// <summary>Creates the empty private file; missing folders of the target are made.</summary>
    /// <param name="targetPath">Where the finished file is to be; a link is followed. Untouched until <see cref="MoveIntoPlace"/>.</param>
    /// <param name="mode">Unix permissions of the finished file; null: those of the file that is replaced, else the usual ones.</param>
    /// <exception cref="OutputPathException">The target is no ordinary file, or its folder cannot be made or written.</exception>
    /// <exception cref="IOException">The disk is full.</exception>
    public PartialFile(string targetPath, UnixFileMode? mode = null)
    {
        _target = OutputPath.File(targetPath);
        _mode = mode ?? ModeOf(_target);
        string folder = System.IO.Path.GetDirectoryName(_target)!;
        string stem = Shortened(System.IO.Path.GetFileNameWithoutExtension(_target));
        string random = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));
        string name = System.IO.Path.Combine(folder, $".{stem}.{random}.partial");
        Path = name + System.IO.Path.GetExtension(_target);
        try
        {
            CreateFolders(folder);
            PartialFileSweep.Once(folder);
            _lock = PartialFileLock.Take(name + PartialFileLock.Extension);
            Create();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Dispose();
            throw IsDiskFull(e)
                ? e
                : new OutputPathException($"The output {PrintableText.Quote(targetPath)} cannot be written: {e.Message}", e);
        }
    }

    /// <summary>Full path of the private file.</summary>
    public string Path { get; }

    /// <summary>The private file is still there.</summary>
    public bool IsThere => File.Exists(Path);

    /// <summary>Writes a whole file: beside its target first, then moved into place.</summary>
    /// <param name="targetPath">Where it is to be; replaced if it exists.</param>
    /// <param name="content">Its bytes.</param>
    /// <exception cref="OutputPathException">The target is no ordinary file, or its folder cannot be made or written.</exception>
    /// <exception cref="IOException">The content cannot be written; the target stays as it was.</exception>
    public static void Write(string targetPath, ReadOnlySpan<byte> content)
    {
        using PartialFile file = new(targetPath);
        using (FileStream stream = file.Open())
        {
            stream.Write(content);
        }
        file.MoveIntoPlace();
    }

    /// <summary>Writes a whole file: beside its target first, then moved into place.</summary>
    /// <param name="targetPath">Where it is to be; replaced if it exists.</param>
    /// <param name="write">Writes the content into a seekable stream.</param>
    /// <param name="mode">Unix permissions; null: those of the file that is replaced, else the usual ones.</param>
    /// <exception cref="OutputPathException">The target is no ordinary file, or its folder cannot be made or written.</exception>
    /// <exception cref="IOException">The content cannot be written; the target stays as it was.</exception>
    public static void Write(string targetPath, Action<Stream> write, UnixFileMode? mode = null)
    {
        using PartialFile file = new(targetPath, mode);
        using (FileStream stream = file.Open())
        {
            write(stream);
        }
        file.MoveIntoPlace();
    }

    /// <summary>Opens the private file for writing from its start.</summary>
    public FileStream Open() => new(Path, FileMode.Create, FileAccess.ReadWrite, FileShare.Read, bufferSize: 64 * 1024);

    /// <summary>Replaces the target by the finished file, in one step, after both are on the disk.</summary>
    /// <exception cref="IOException">The target cannot be replaced.</exception>
    /// <exception cref="UnauthorizedAccessException">The target may not be replaced.</exception>
    public void MoveIntoPlace()
    {
        using (FileStream file = new(Path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            file.Flush(flushToDisk: true);
        }
        if (_mode is { } mode && !OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(Path, mode);
        }
        File.Move(Path, _target, overwrite: true);
        FolderFlush.ToDisk(System.IO.Path.GetDirectoryName(_target)!);
        _done = true;
        _lock?.Dispose();
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
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The folder is gone, which leaves nothing of ours that could be removed.
        }
        _lock?.Dispose();
        try
        {
            for (int i = _createdFolders.Count - 1; i >= 0; i--)
            {
                Directory.Delete(_createdFolders[i]); // only when empty
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody put something into it.
        }
    }

    /// <summary>True for what a full disk, a quota or a limit on the size of files says.</summary>
    public static bool IsDiskFull(Exception error) =>
        error is IOException
        && (
            (error.HResult & 0xFFFF) is 0x70 or 0x27
            || error.HResult is 28 or 122
            || error.Message.Contains("No space left", StringComparison.OrdinalIgnoreCase)
        );

    private void Create()
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (_mode is { } mode && !OperatingSystem.IsWindows())
        {
            // Private from the start where the result is; writable, whatever the result will be.
            options.UnixCreateMode = mode | UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }
        new FileStream(Path, options).Dispose();
    }

    private static UnixFileMode? ModeOf(string target) =>
        !OperatingSystem.IsWindows() && File.Exists(target) ? File.GetUnixFileMode(target) : null;

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
