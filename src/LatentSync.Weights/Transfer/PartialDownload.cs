using LatentSync.Foundation.Files;

namespace LatentSync.Weights.Transfer;

/// <summary>The part of a file that is there already: hidden beside its target, kept when a fetch ends early. One process at a time
/// has it.</summary>
/// <remarks>The name is <c>.NAME.resume.partial</c>, beside it <c>.NAME.resume.json</c>. The sweep of abandoned files leaves
/// both.</remarks>
internal sealed class PartialDownload : IAsyncDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(200);
    private readonly string _note;

    private PartialDownload(string target, FileStream stream)
    {
        (Target, Stream) = (target, stream);
        _note = NoteOf(target);
    }

    /// <summary>Where the finished file is to be.</summary>
    internal string Target { get; }

    /// <summary>The part.</summary>
    internal FileStream Stream { get; }

    /// <summary>What the part is a part of; null: not known.</summary>
    internal ResumeNote? Note
    {
        get => ResumeNote.Read(_note);
        set => value!.Write(_note);
    }

    internal static string PathOf(string target) =>
        Path.Combine(Path.GetDirectoryName(target)!, $".{Path.GetFileName(target)}.resume.partial");

    private static string NoteOf(string target) => Path.Combine(Path.GetDirectoryName(target)!, $".{Path.GetFileName(target)}.resume.json");

    /// <summary>Opens the part, or begins one; waits while another process has it.</summary>
    internal static async Task<PartialDownload> OpenAsync(string target, Action waiting, CancellationToken cancellationToken)
    {
        string path = PathOf(target);
        _ = OutputPath.File(target);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        // Unix locks the whole file for None only; Windows lets an open file be moved for Delete only.
        FileShare share = OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (FileStatus.Of(path) is { Kind: not FileKind.Regular })
            {
                throw new OutputPathException($"{PrintablePath(path)} is no ordinary file.");
            }
            try
            {
                FileStream stream = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, share, 1 << 16, useAsync: true);
                if (File.Exists(path) || File.Exists(target))
                {
                    return new PartialDownload(target, stream);
                }
                await stream.DisposeAsync(); // its owner removed it just now
            }
            catch (IOException e) when (File.Exists(path) && !PartialFile.IsDiskFull(e))
            {
                waiting();
                await Task.Delay(Look, cancellationToken);
            }
        }
    }

    /// <summary>Forgets what is there.</summary>
    internal void Restart()
    {
        Stream.SetLength(0);
        Stream.Position = 0;
        File.Delete(_note);
    }

    /// <summary>The finished file takes its place; a file that is there is not replaced.</summary>
    internal async Task MoveIntoPlaceAsync()
    {
        await Stream.FlushAsync();
        Stream.Flush(flushToDisk: true);
        File.Move(PathOf(Target), Target, overwrite: false);
        FolderFlush.ToDisk(Path.GetDirectoryName(Target)!);
        File.Delete(_note);
    }

    /// <summary>Removes it: what was in it has been taken out, or somebody else has finished the file.</summary>
    internal void Remove()
    {
        if (Stream.Length == 0 || File.Exists(PathOf(Target)))
        {
            File.Delete(PathOf(Target));
        }
        File.Delete(_note);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Stream.DisposeAsync();

    private static string PrintablePath(string path) => Foundation.Wording.PrintableText.Quote(path);
}
