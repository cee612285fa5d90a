namespace LatentSync.Chunks;

/// <summary>Where chunks are computed: in this process, or elsewhere.</summary>
internal interface IChunkComputer
{
    /// <summary>Chunks that may be under way at once, 1 or more.</summary>
    int Window { get; }

    /// <summary>Computes a chunk.</summary>
    /// <param name="job">The chunk.</param>
    /// <param name="progress">Told after every denoising step.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>(f, 3, R, R) in about [-1, 1].</returns>
    Task<Half[]> ComputeAsync(ChunkJob job, IProgress<ChunkStep>? progress, CancellationToken cancellationToken);
}

/// <summary>Computes chunks in this process, one at a time.</summary>
internal sealed class LocalChunkComputer(ChunkWorker worker) : IChunkComputer
{
    /// <inheritdoc/>
    public int Window => 1;

    /// <summary>On the caller's thread: OpenMP keeps a team of threads for each thread that ever computed.</summary>
    public Task<Half[]> ComputeAsync(ChunkJob job, IProgress<ChunkStep>? progress, CancellationToken cancellationToken) =>
        Task.FromResult(worker.Compute(job, progress, cancellationToken));
}
