using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;

namespace LatentSync.Chunks;

/// <summary>
/// Finished chunks of an interrupted run, in a work folder beside the output (`--resume`). A chunk is found again by the hash of
/// everything that went into it, so that a changed input, option or checkpoint can never bring back an old result.
/// </summary>
public sealed partial class ChunkStore
{
    private const string Extension = ".chunk";

    private readonly string _folder;

    /// <summary>Names the store of an output; nothing is created yet.</summary>
    /// <param name="outputPath">The file that the run writes.</param>
    public ChunkStore(string outputPath)
    {
        _folder = Path.GetFullPath(outputPath) + ".resume";
    }

    /// <summary>The work folder.</summary>
    public string Folder => _folder;

    /// <summary>Reads a finished chunk.</summary>
    /// <param name="key">From <see cref="ChunkJob.Key"/>.</param>
    /// <param name="values">Receives the composites, exactly as many values as were stored.</param>
    /// <returns>False when there is none of this key and length.</returns>
    public bool TryRead(string key, Span<Half> values)
    {
        string file = PathOf(key);
        Span<byte> bytes = MemoryMarshal.AsBytes(values);
        if (!File.Exists(file))
        {
            return false;
        }
        using FileStream stream = InputFile.OpenRead(file);
        if (stream.Length != bytes.Length)
        {
            return false;
        }
        stream.ReadExactly(bytes);
        return true;
    }

    /// <summary>Keeps a finished chunk; complete or not there at all.</summary>
    /// <param name="key">From <see cref="ChunkJob.Key"/>.</param>
    /// <param name="values">The composites.</param>
    /// <exception cref="IOException">It cannot be kept: the disk is full or the folder cannot be written.</exception>
    public void Write(string key, ReadOnlySpan<Half> values)
    {
        try
        {
            PartialFile.Write(PathOf(key), MemoryMarshal.AsBytes(values));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException(
                Sentence.Say(
                    $"A finished chunk cannot be kept for ⟦Resume⟧ in {_folder}: {exception.Message} Free some space there or leave ⟦Resume⟧ out."
                ),
                exception
            );
        }
    }

    /// <summary>Deletes this store's own files, and its folder when nothing else is in it.</summary>
    public void Delete()
    {
        if (!Directory.Exists(_folder))
        {
            return;
        }
        PartialFileSweep.Sweep(_folder);
        foreach (string file in Directory.EnumerateFiles(_folder).Where(f => OwnName().IsMatch(Path.GetFileName(f))))
        {
            File.Delete(file);
        }
        if (!Directory.EnumerateFileSystemEntries(_folder).Any())
        {
            Directory.Delete(_folder);
        }
    }

    [GeneratedRegex(@"\A[0-9a-f]{64}\.chunk\z", RegexOptions.CultureInvariant)]
    private static partial Regex OwnName();

    private string PathOf(string key) => Path.Combine(_folder, key + Extension);
}
