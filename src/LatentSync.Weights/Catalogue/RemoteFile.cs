using System.Diagnostics.CodeAnalysis;

namespace LatentSync.Weights.Catalogue;

/// <summary>One file of a package: where it comes from and where it goes.</summary>
public sealed record RemoteFile
{
    /// <summary>Path below the folder of the weights, with forward slashes. Of an archive: the name it has while it is fetched.</summary>
    public required string Path { get; init; }

    /// <summary>Repository on the hub, "owner/name"; null: <see cref="Url"/> says where the file is.</summary>
    public string? Repository { get; init; }

    /// <summary>Branch, tag or commit on the hub.</summary>
    public string Revision { get; init; } = "main";

    /// <summary>Path in the repository.</summary>
    public string? RepositoryPath { get; init; }

    /// <summary>Address, https or http; null: the file is on the hub.</summary>
    public Uri? Url { get; init; }

    /// <summary>Exact length, held against what the server says; null: not known.</summary>
    public long? Bytes { get; init; }

    /// <summary>Roughly how long it is, only to be shown; null: not known.</summary>
    public long? AboutBytes { get; init; }

    /// <summary>SHA-256 of the content, 64 small hexadecimal digits; null: not known.</summary>
    public string? Sha256 { get; init; }

    /// <summary>Entries of the zip archive that are kept, and their paths below the folder; empty: the file is no archive.</summary>
    public IReadOnlyDictionary<string, string> Unpack { get; init; } = new Dictionary<string, string>();

    /// <summary>What lies in the folder afterwards, with forward slashes.</summary>
    public IEnumerable<string> Results => Unpack.Count == 0 ? [Path] : Unpack.Values;

    /// <summary>Length to be shown; null: not known.</summary>
    public long? ShownBytes => Bytes ?? AboutBytes;

    /// <summary>A text has the form of a SHA-256: 64 small hexadecimal digits.</summary>
    internal static bool IsSha256([NotNullWhen(true)] string? text) => text is { Length: 64 } && text.All(char.IsAsciiHexDigitLower);
}
