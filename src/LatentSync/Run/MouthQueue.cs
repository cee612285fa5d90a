using LatentSync.Chunks;
using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Run;

/// <summary>Chunks under way: begun in order, at most as many at once as their source allows, their mouths handed over in order.</summary>
internal sealed class MouthQueue(IMouthSource source, PendingFrames pending) : IAsyncDisposable
{
    private readonly Queue<(Chunk<AlignedFace> Chunk, Task<IReadOnlyList<Half[]>> Mouths)> _underWay = new();

    /// <summary>Network frames whose mouths were handed over.</summary>
    public int Generated { get; private set; }

    /// <summary>Begins chunks; waits for the oldest one where the window is full.</summary>
    /// <param name="chunks">The next chunks.</param>
    /// <param name="cancellationToken">Stops.</param>
    public async Task AddAsync(IReadOnlyList<Chunk<AlignedFace>> chunks, CancellationToken cancellationToken)
    {
        foreach (Chunk<AlignedFace> chunk in chunks)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _underWay.Enqueue((chunk, source.GenerateAsync(chunk, cancellationToken)));
            if (_underWay.Count >= source.Facts.Window)
            {
                await TakeAsync();
            }
        }
    }

    /// <summary>Waits for what is still under way.</summary>
    public async Task CompleteAsync()
    {
        while (_underWay.Count > 0)
        {
            await TakeAsync();
        }
    }

    /// <summary>Waits until nothing computes any more; failures were, or will be, told by another chunk.</summary>
    public async ValueTask DisposeAsync()
    {
        while (_underWay.TryDequeue(out (Chunk<AlignedFace> Chunk, Task<IReadOnlyList<Half[]>> Mouths) left))
        {
            await ((Task)left.Mouths).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task TakeAsync()
    {
        (Chunk<AlignedFace> chunk, Task<IReadOnlyList<Half[]>> task) = _underWay.Dequeue();
        IReadOnlyList<Half[]> mouths = await task;
        for (int i = 0; i < mouths.Count; i++)
        {
            pending.Add(chunk.NetworkFrames[i], mouths[i]);
        }
        Generated += mouths.Count;
    }
}
