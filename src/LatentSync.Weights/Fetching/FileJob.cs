using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using LatentSync.Weights.Catalogue;
using LatentSync.Weights.Faults;
using LatentSync.Weights.Hub;
using LatentSync.Weights.Transfer;

namespace LatentSync.Weights.Fetching;

/// <summary>One file of a fetch: prepared before any is begun, then fetched.</summary>
internal sealed class FileJob(
    RemoteFile file,
    string root,
    RemoteClient client,
    HubSettings hub,
    TransferOptions options,
    IProgress<FetchProgress>? progress
)
{
    private readonly string _target = Path.Combine(root, file.Path);
    private RemoteFacts _facts = new(file.Bytes, file.Sha256, file.Sha256);
    private string? _cached;

    /// <summary>What is there at the end.</summary>
    internal IReadOnlyList<FetchedFile> Results { get; private set; } = [];

    /// <summary>Bytes that are still to be written, as far as they are known.</summary>
    internal long MissingBytes { get; private set; }

    private bool IsThere => file.Results.All(path => File.Exists(Path.Combine(root, path)));

    /// <summary>Asks the server, and compares what is there already.</summary>
    internal async Task PrepareAsync(CancellationToken cancellationToken)
    {
        Tell(FetchStage.Check, 0);
        if (file.Unpack.Count > 0 && IsThere)
        {
            await TakePresentAsync(cancellationToken);
            return;
        }
        _cached = HubCache.Find(hub.CacheFolder, file);
        if (!hub.IsOffline)
        {
            _facts = await client.ProbeAsync(file, cancellationToken);
        }
        else if (_cached is not null && HubCache.HashOf(_cached) is { } hash)
        {
            _facts = _facts with { Sha256 = _facts.Sha256 ?? hash };
        }
        if (file.Unpack.Count == 0 && IsThere)
        {
            await TakePresentAsync(cancellationToken);
            return;
        }
        if (hub.IsOffline && _cached is null)
        {
            throw new WeightsException(
                "WGT0210",
                FaultKind.Failed,
                $"{file.Path} is not here, and HF_HUB_OFFLINE forbids to fetch it.",
                $"Unset HF_HUB_OFFLINE, or put the file into {PrintableText.Quote(root)} yourself."
            );
        }
        FileInfo part = new(PartialDownload.PathOf(_target));
        MissingBytes = Math.Max(0, (_facts.Bytes ?? file.ShownBytes ?? 0) - (part.Exists ? part.Length : 0));
    }

    /// <summary>Fetches the file, unless it is there.</summary>
    internal async Task RunAsync(CancellationToken cancellationToken)
    {
        if (Results.Count > 0)
        {
            Tell(FetchStage.Done, Results.Sum(r => r.Bytes));
            return;
        }
        await using PartialDownload part = await PartialDownload.OpenAsync(_target, () => Tell(FetchStage.Wait, 0), cancellationToken);
        if (IsThere)
        {
            // Another process was quicker.
            part.Remove();
            await TakePresentAsync(cancellationToken);
        }
        else
        {
            (string hash, FetchOrigin origin) = await FillAsync(part, cancellationToken);
            bool isVerified = _facts.Sha256 is not null;
            if (file.Unpack.Count > 0)
            {
                Results =
                [
                    .. Unpacking
                        .Run(part.Stream, file, root, cancellationToken)
                        .Select(f => new FetchedFile(f.Path, f.Bytes, origin, hash, isVerified)),
                ];
                part.Remove();
            }
            else
            {
                long bytes = part.Stream.Length;
                await part.MoveIntoPlaceAsync();
                Results = [new FetchedFile(file.Path, bytes, origin, hash, isVerified)];
            }
        }
        Tell(FetchStage.Done, Results.Sum(r => r.Bytes));
    }

    private async Task<(string Hash, FetchOrigin Origin)> FillAsync(PartialDownload part, CancellationToken cancellationToken)
    {
        if (_cached is not null && await CopyCachedAsync(part, cancellationToken) is { } copied)
        {
            return (copied, FetchOrigin.Cache);
        }
        FileTransfer transfer = new(client, options, file, _facts, bytes => Tell(FetchStage.Fetch, bytes));
        return (await transfer.RunAsync(part, cancellationToken), FetchOrigin.Server);
    }

    // Only what can be verified is taken from the cache, unless there is nothing else.
    private async Task<string?> CopyCachedAsync(PartialDownload part, CancellationToken cancellationToken)
    {
        if (!hub.IsOffline && (_facts.Sha256 is null || (_facts.Bytes is { } bytes && new FileInfo(_cached!).Length != bytes)))
        {
            return null;
        }
        string hash = await FileHash.OfAsync(_cached!, cancellationToken);
        if (_facts.Sha256 is { } expected && hash != expected)
        {
            return hub.IsOffline
                ? throw new WeightsException(
                    "WGT0206",
                    FaultKind.Failed,
                    $"{file.Path} in the hub's cache is damaged: its SHA-256 is {hash}, not {expected}.",
                    $"Remove {PrintableText.Quote(_cached!)} and unset HF_HUB_OFFLINE."
                )
                : null;
        }
        part.Restart();
        await using (FileStream source = InputFile.OpenRead(_cached!))
        {
            await source.CopyToAsync(part.Stream, cancellationToken);
        }
        string copied = await FileHash.OfAsync(part.Stream, cancellationToken);
        if (copied == hash)
        {
            return hash;
        }
        part.Restart(); // it changed meanwhile
        return hub.IsOffline
            ? throw new WeightsException("WGT0206", FaultKind.Failed, $"{file.Path} in the hub's cache changed while it was copied.")
            : null;
    }

    private async Task TakePresentAsync(CancellationToken cancellationToken)
    {
        if (file.Unpack.Count > 0)
        {
            Results = [.. file.Results.Select(path => Present(path, null, false))];
            return;
        }
        long length = new FileInfo(_target).Length;
        string? hash = _facts.Sha256 is null ? null : await FileHash.OfAsync(_target, cancellationToken);
        if ((_facts.Bytes is { } bytes && length != bytes) || hash != _facts.Sha256)
        {
            throw new WeightsException(
                "WGT0105",
                FaultKind.Input,
                $"{PrintableText.Quote(_target)} is there, but is another file than {file.Path} of {hub.AddressOf(file).Host}; it stays as it is.",
                $"Choose another folder with ⟦OutputFolder DIR⟧, or move the file away."
            );
        }
        Results = [Present(file.Path, hash, hash is not null)];
    }

    private FetchedFile Present(string path, string? hash, bool isVerified) =>
        new(path, new FileInfo(Path.Combine(root, path)).Length, FetchOrigin.Present, hash, isVerified);

    private void Tell(FetchStage stage, long bytes) =>
        progress?.Report(new FetchProgress(file.Path, stage, bytes, _facts.Bytes ?? (stage == FetchStage.Done ? bytes : null)));
}
