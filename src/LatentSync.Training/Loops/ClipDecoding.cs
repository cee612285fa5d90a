using LatentSync.Training.Datasets;

namespace LatentSync.Training.Loops;

/// <summary>Decodes the videos of a library beside the training's first steps, so that these do not wait for one after the other.</summary>
internal sealed class ClipDecoding : IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _work;

    private ClipDecoding(FaceClipLibrary library)
    {
        _work = Task.Run(() => DecodeAsync(library, _stop.Token));
    }

    /// <summary>Starts; ends by itself when all are decoded or the library's memory is full.</summary>
    /// <param name="library">The clips.</param>
    public static ClipDecoding Begin(FaceClipLibrary library) => new(library);

    public void Dispose()
    {
        _stop.Cancel();
        _work.ContinueWith(_ => { }, TaskScheduler.Default).Wait();
        _stop.Dispose();
    }

    // A failure is met again, and reported, when a step asks for the clip.
    private static async Task DecodeAsync(FaceClipLibrary library, CancellationToken cancellationToken)
    {
        for (int i = 0; i < library.Count; i++)
        {
            await library.FindAsync(i, cancellationToken).ConfigureAwait(false);
            if (library.CachedBytes > library.Options.CacheBytes * 9 / 10)
            {
                return;
            }
        }
    }
}
