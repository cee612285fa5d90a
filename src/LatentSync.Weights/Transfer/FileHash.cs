using System.Security.Cryptography;
using LatentSync.Foundation.Files;

namespace LatentSync.Weights.Transfer;

/// <summary>SHA-256 of files.</summary>
internal static class FileHash
{
    /// <summary>64 small hexadecimal digits of the whole stream; reads from its start.</summary>
    internal static async Task<string> OfAsync(Stream stream, CancellationToken cancellationToken)
    {
        stream.Position = 0;
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellationToken));
    }

    /// <summary>64 small hexadecimal digits of a file.</summary>
    internal static async Task<string> OfAsync(string path, CancellationToken cancellationToken)
    {
        await using FileStream stream = InputFile.OpenRead(path);
        return await OfAsync(stream, cancellationToken);
    }
}
