using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using LatentSync.Weights.Catalogue;
using LatentSync.Weights.Faults;
using LatentSync.Weights.Hub;
using LatentSync.Weights.Transfer;

namespace LatentSync.Weights.Fetching;

/// <summary>Fetches packages into a folder: asks for every file first, so that nothing is begun that cannot be finished; then several at a
/// time, each resumed, verified and moved into place when it is whole. A file that is there is never replaced.</summary>
public sealed class WeightFetcher
{
    private readonly WeightCatalogue _catalogue;
    private readonly HubSettings _hub;
    private readonly TransferOptions _options;

    /// <summary>Creates a fetcher.</summary>
    /// <param name="catalogue">What there is.</param>
    /// <param name="hub">How the hub is spoken to.</param>
    /// <param name="options">How patient it is; null: the usual.</param>
    public WeightFetcher(WeightCatalogue catalogue, HubSettings hub, TransferOptions? options = null) =>
        (_catalogue, _hub, _options) = (catalogue, hub, options ?? new TransferOptions());

    /// <summary>Fetches packages with all that they include.</summary>
    /// <param name="names">Names of the catalogue.</param>
    /// <param name="folder">Where the files go; made if it is missing.</param>
    /// <param name="acceptsLicence">Restricted licences are accepted.</param>
    /// <param name="progress">Told from several threads; null: nobody.</param>
    /// <param name="cancellationToken">Cancels; parts are kept.</param>
    /// <exception cref="WeightsException">Why not all of it is there now; what is finished stays.</exception>
    /// <exception cref="OutputPathException">The folder cannot be written.</exception>
    public async Task<IReadOnlyList<FetchedFile>> FetchAsync(
        IReadOnlyList<string> names,
        string folder,
        bool acceptsLicence = false,
        IProgress<FetchProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        IReadOnlyList<WeightPackage> packages = _catalogue.Expand(names);
        if (!acceptsLicence && packages.FirstOrDefault(p => p.Licence.IsRestricted) is { } restricted)
        {
            throw new WeightsException(
                "WGT0104",
                FaultKind.Input,
                $"{restricted.Name} is under a licence that restricts its use: {restricted.Licence.Name} ({restricted.Licence.Terms?.ToString() ?? restricted.Source}).",
                $"Read it; if you accept it, add ⟦AcceptLicence⟧."
            );
        }
        string root = Path.GetFullPath(folder);
        using RemoteClient client = new(_hub, _options);
        FileJob[] jobs =
        [
            .. packages
                .SelectMany(p => p.Files)
                .DistinctBy(f => f.Path, StringComparer.OrdinalIgnoreCase)
                .Select(f => new FileJob(f, root, client, _hub, _options, progress)),
        ];
        try
        {
            await EachAsync(jobs, job => job.PrepareAsync, cancellationToken);
            RequireSpace(jobs, root);
            await EachAsync(jobs, job => job.RunAsync, cancellationToken);
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested)
        {
            throw new WeightsException(
                "WGT0209",
                FaultKind.Cancelled,
                $"Cancelled; what has come is kept, and the same command goes on from it.",
                inner: e
            );
        }
        return [.. jobs.SelectMany(job => job.Results)];
    }

    // The first failure stops the others, and is the one that is told.
    private async Task EachAsync(FileJob[] jobs, Func<FileJob, Func<CancellationToken, Task>> work, CancellationToken cancellationToken)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using SemaphoreSlim places = new(Math.Max(1, _options.Parallel));
        Exception? first = null;
        await Task.WhenAll(jobs.Select(OneAsync));
        cancellationToken.ThrowIfCancellationRequested();
        if (first is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);
        }

        async Task OneAsync(FileJob job)
        {
            try
            {
                await places.WaitAsync(stop.Token);
                try
                {
                    await work(job)(stop.Token);
                }
                finally
                {
                    places.Release();
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // The first failure is told, or the cancellation.
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref first, e, null);
                await stop.CancelAsync();
            }
        }
    }

    private void RequireSpace(FileJob[] jobs, string root)
    {
        long needed = jobs.Sum(job => job.MissingBytes);
        if (_options.FreeSpace(root) is { } free && free < needed)
        {
            throw new WeightsException(
                "WGT0207",
                FaultKind.Failed,
                $"{needed / 1e6:0.0} MB are still to be written to {PrintableText.Quote(root)}, and {free / 1e6:0.0} MB are free there.",
                $"Make room, or choose another folder with ⟦OutputFolder DIR⟧."
            );
        }
    }
}
