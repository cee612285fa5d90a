namespace LatentSync.Weights.Transfer;

/// <summary>What is known of a remote file before it is fetched.</summary>
/// <param name="Bytes">Its length; null: not known.</param>
/// <param name="Sha256">Its hash, by the catalogue or by the server; null: not known.</param>
/// <param name="Identity">What changes when the content changes; null: the server names nothing.</param>
internal sealed record RemoteFacts(long? Bytes, string? Sha256, string? Identity);
