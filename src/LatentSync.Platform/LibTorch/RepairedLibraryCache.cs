using System.Security.Cryptography;
using LatentSync.Foundation.Files;
using LatentSync.Platform.Loading;

namespace LatentSync.Platform.LibTorch;

/// <summary>A place from which a repaired library can be loaded. Dispose it after loading: what need not stay is removed.</summary>
internal sealed class RepairedCopy(string path, bool isKept, IDisposable? owner) : IDisposable
{
    /// <summary>The file to load.</summary>
    public string Path { get; } = path;

    /// <summary>The file stays for the next run.</summary>
    public bool IsKept { get; } = isKept;

    public void Dispose() => owner?.Dispose();
}

/// <summary>
/// Keeps repaired libraries in the user's cache folder. The name holds the hash of the original and the repair's revision; a file
/// that is found is used only if its content is exactly what the repair gives, else it is replaced. Writing is atomic (a new name,
/// flushed, then renamed), so that any number of processes may do it at once. Without a usable cache the copy goes to a private
/// temporary folder, and without that to memory.
/// </summary>
internal sealed class RepairedLibraryCache(string? cacheFolder, string temporaryFolder)
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>Name of the cached file.</summary>
    /// <param name="originalPath">The library that was repaired.</param>
    /// <param name="original">Its content.</param>
    public static string FileName(string originalPath, ReadOnlySpan<byte> original)
    {
        string hash = Convert.ToHexStringLower(SHA256.HashData(original))[..32];
        return FormattableString.Invariant(
            $"{Path.GetFileNameWithoutExtension(originalPath)}-{hash}-r{SymbolVersionRepair.Revision}{Path.GetExtension(originalPath)}"
        );
    }

    /// <summary>Places from which the content can be loaded, best first. Each is made when it is asked for; one that cannot be
    /// made is left out and its reason traced.</summary>
    public IEnumerable<RepairedCopy> Places(string fileName, byte[] content, List<LoadStep> trace)
    {
        if (cacheFolder is null)
        {
            trace.Add(new LoadStep("cache", fileName, false, "this user has no cache folder"));
        }
        else if (
            Attempt("cache", Path.Combine(cacheFolder, "native"), trace, folder => InCache(folder, fileName, content, trace)) is { } cached
        )
        {
            yield return cached;
        }
        if (Attempt("cache", temporaryFolder, trace, folder => InTemporary(folder, fileName, content)) is { } temporary)
        {
            yield return temporary;
        }
        if (Attempt("cache", "memory", trace, _ => MemoryFile.Create(fileName, content)) is { } memory)
        {
            yield return new RepairedCopy(memory.Path, isKept: false, memory);
        }
    }

    private static RepairedCopy InCache(string folder, string fileName, byte[] content, List<LoadStep> trace)
    {
        CreatePrivate(folder);
        string path = Path.Combine(folder, fileName);
        if (Matches(path, content, out string finding))
        {
            trace.Add(new LoadStep("cache", path, true, "found, content verified"));
            return new RepairedCopy(path, isKept: true, null);
        }
        PartialFile.Write(path, stream => stream.Write(content), Private);
        // Another process may have renamed its own copy over ours meanwhile: it has the same content.
        if (!Matches(path, content, out string after))
        {
            throw new IOException($"what was written reads back differently ({after})");
        }
        trace.Add(new LoadStep("cache", path, true, $"written ({finding})"));
        return new RepairedCopy(path, isKept: true, null);
    }

    private static RepairedCopy InTemporary(string parent, string fileName, byte[] content)
    {
        string folder = Path.Combine(parent, $"latentsync-{Environment.ProcessId}-{Guid.NewGuid():N}");
        CreatePrivate(folder);
        var owner = new TemporaryFolder(folder);
        try
        {
            string path = Path.Combine(folder, fileName);
            Write(path, content);
            return new RepairedCopy(path, isKept: false, owner);
        }
        catch
        {
            owner.Dispose();
            throw;
        }
    }

    private static T? Attempt<T>(string action, string target, List<LoadStep> trace, Func<string, T> make)
        where T : class
    {
        try
        {
            return make(target);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or PlatformNotSupportedException)
        {
            trace.Add(new LoadStep(action, target, false, failure.Message));
            return null;
        }
    }

    private static void CreatePrivate(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
            return;
        }
        Directory.CreateDirectory(folder, Private);
        if ((File.GetUnixFileMode(folder) & UnixFileMode.OtherWrite) != 0)
        {
            throw new UnauthorizedAccessException($"{folder} can be written by every user, so a library in it cannot be trusted");
        }
    }

    private static bool Matches(string path, byte[] content, out string finding)
    {
        finding = "new";
        if (!File.Exists(path))
        {
            return false;
        }
        using FileStream file = InputFile.OpenRead(path);
        if (file.Length != content.Length)
        {
            finding = FormattableString.Invariant($"replaced a file of {file.Length} bytes, {content.Length} expected");
            return false;
        }
        bool isSame = SHA256.HashData(file).AsSpan().SequenceEqual(SHA256.HashData(content));
        finding = isSame ? "" : "replaced a file whose content differed";
        return isSame;
    }

    private static void Write(string path, byte[] content)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = Private;
        }
        using var file = new FileStream(path, options);
        file.Write(content);
        file.Flush(flushToDisk: true);
    }

    private sealed class TemporaryFolder(string path) : IDisposable
    {
        public void Dispose() => Directory.Delete(path, recursive: true);
    }
}
