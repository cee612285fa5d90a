using LatentSync.Foundation.Files;
using LatentSync.Weights.Catalogue;

namespace LatentSync.Weights.Hub;

/// <summary>Finds files that the hub's own tools have fetched already.</summary>
internal static class HubCache
{
    private const int MaximumReference = 200;

    /// <summary>A file of the cache; null: it has none. What it holds is still to be verified.</summary>
    internal static string? Find(string? cacheFolder, RemoteFile file)
    {
        if (cacheFolder is null || file.Repository is null)
        {
            return null;
        }
        string repository = Path.Combine(cacheFolder, "models--" + file.Repository.Replace("/", "--", StringComparison.Ordinal));
        string commit = Commit(Path.Combine(repository, "refs", file.Revision)) ?? file.Revision;
        string found = Path.Combine(repository, "snapshots", commit, file.RepositoryPath!);
        return File.Exists(found) ? found : null;
    }

    /// <summary>SHA-256 that the cache keeps a large file under; null: it keeps it under another name.</summary>
    internal static string? HashOf(string cached)
    {
        string? name = new FileInfo(cached).ResolveLinkTarget(returnFinalTarget: true)?.Name;
        return RemoteFile.IsSha256(name) ? name : null;
    }

    private static string? Commit(string reference)
    {
        try
        {
            string text = InputFile.ReadAllText(reference, MaximumReference).Trim();
            return text.Length == 40 && text.All(char.IsAsciiHexDigitLower) ? text : null;
        }
        catch (IOException)
        {
            return null;
        }
    }
}
