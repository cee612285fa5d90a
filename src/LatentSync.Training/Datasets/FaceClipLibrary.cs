using LatentSync.Foundation.Wording;
using LatentSync.Media;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Training.Datasets;

/// <summary>The clips of a list of videos: decoded when they are asked for, kept while there is room, skipped when they are no
/// use.</summary>
/// <remarks>Safe from several threads: a video that several ask for is decoded once.</remarks>
/// <example><code>
/// using FaceClipLibrary library = await FaceClipLibrary.OpenAsync(VideoList.OfFolder("heads/faces"), new FaceClipLibraryOptions());
/// WindowSampler sampler = new(library);
/// TrainingWindow window = await sampler.DrawAsync(seed: 1247, step: 0, item: 0);
/// </code></example>
public sealed class FaceClipLibrary : IDisposable
{
    private readonly Dictionary<int, Entry> _entries = [];
    private readonly SortedDictionary<int, SkippedVideo> _skipped = [];
    private readonly CancellationTokenSource _closed = new();
    private readonly SemaphoreSlim _decoding;
    private readonly FaceClipReader _reader;
    private readonly Lock _gate = new();
    private long _uses;

    private FaceClipLibrary(IReadOnlyList<string> paths, FaceClipLibraryOptions options, FfmpegTools tools)
    {
        Paths = paths;
        Options = options;
        _decoding = new SemaphoreSlim(options.DecodeJobs);
        _reader = new FaceClipReader(tools, options.Resolution, options.MinimumFrames);
    }

    /// <summary>The videos, in the list's order.</summary>
    public IReadOnlyList<string> Paths { get; }

    /// <summary>How they are decoded and kept.</summary>
    public FaceClipLibraryOptions Options { get; }

    /// <summary>Number of videos, the skipped ones included.</summary>
    public int Count => Paths.Count;

    /// <summary>Videos found useless by now, in the list's order. A video is only looked at when it is first asked for.</summary>
    public IReadOnlyList<SkippedVideo> Skipped
    {
        get
        {
            lock (_gate)
            {
                return [.. _skipped.Values];
            }
        }
    }

    /// <summary>Bytes of the decoded clips that are kept now.</summary>
    public long CachedBytes
    {
        get
        {
            lock (_gate)
            {
                return _entries.Values.Sum(entry => entry.Bytes);
            }
        }
    }

    /// <summary>Videos decoded so far, repeats included: how well the memory serves.</summary>
    public long Decodes { get; private set; }

    /// <summary>Opens a library; no video is read yet.</summary>
    /// <param name="paths">From <see cref="VideoList"/>.</param>
    /// <param name="options">How to decode and keep.</param>
    /// <param name="cancellationToken">Stops the search for ffmpeg.</param>
    /// <exception cref="TrainingDataException">The list is empty.</exception>
    /// <exception cref="FfmpegNotFoundException">ffmpeg is missing.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static async Task<FaceClipLibrary> OpenAsync(
        IReadOnlyList<string> paths,
        FaceClipLibraryOptions? options = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(paths);
        options ??= new FaceClipLibraryOptions();
        options.Check();
        if (paths.Count == 0)
        {
            throw new TrainingDataException("The list of videos is empty: at least one is required.");
        }
        return new FaceClipLibrary(
            [.. paths],
            options,
            await FfmpegTools.LocateAsync(options.FfmpegPath, cancellationToken).ConfigureAwait(false)
        );
    }

    /// <summary>The clip of a video.</summary>
    /// <param name="index">Its place in <see cref="Paths"/>.</param>
    /// <param name="cancellationToken">Stops the waiting; the decoding goes on for others.</param>
    /// <returns>The clip; null when the video is skipped: see <see cref="Skipped"/>.</returns>
    /// <exception cref="TrainingDataException">Every video of the list is skipped.</exception>
    /// <exception cref="MediaException">ffmpeg cannot be run at all.</exception>
    public async Task<FaceClip?> FindAsync(int index, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        ObjectDisposedException.ThrowIf(_closed.IsCancellationRequested, this);
        Task<FaceClip?> decoding;
        lock (_gate)
        {
            if (_skipped.ContainsKey(index))
            {
                return SkippedUnlessAll();
            }
            if (!_entries.TryGetValue(index, out Entry? entry))
            {
                entry = new Entry(Task.Run(() => DecodeAsync(index), CancellationToken.None));
                _entries.Add(index, entry);
            }
            entry.LastUse = ++_uses;
            decoding = entry.Clip;
        }
        FaceClip? clip = await decoding.WaitAsync(cancellationToken).ConfigureAwait(false);
        lock (_gate)
        {
            return clip ?? SkippedUnlessAll();
        }
    }

    /// <summary>Decodes every video once: for a list that is to be checked before hours of training.</summary>
    /// <param name="progress">Told the number of videos looked at; null: not told.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>Number of clips that can be used.</returns>
    /// <exception cref="TrainingDataException">Every video is skipped.</exception>
    public async Task<int> CheckAsync(IProgress<int>? progress = null, CancellationToken cancellationToken = default)
    {
        int done = 0,
            usable = 0;
        await Parallel
            .ForEachAsync(
                Enumerable.Range(0, Count),
                new ParallelOptions { MaxDegreeOfParallelism = Options.DecodeJobs, CancellationToken = cancellationToken },
                async (index, cancellation) =>
                {
                    if (await FindAsync(index, cancellation).ConfigureAwait(false) is not null)
                    {
                        Interlocked.Increment(ref usable);
                    }
                    progress?.Report(Interlocked.Increment(ref done));
                }
            )
            .ConfigureAwait(false);
        return usable;
    }

    /// <summary>Stops all decoding.</summary>
    public void Dispose()
    {
        _closed.Cancel();
        lock (_gate)
        {
            _entries.Clear();
        }
    }

    private async Task<FaceClip?> DecodeAsync(int index)
    {
        string path = Paths[index];
        try
        {
            await _decoding.WaitAsync(_closed.Token).ConfigureAwait(false);
            try
            {
                FaceClip clip = await _reader.ReadAsync(path, _closed.Token).ConfigureAwait(false);
                Keep(index, clip.Bytes);
                return clip;
            }
            finally
            {
                _decoding.Release();
            }
        }
        catch (Exception e)
            when (e
                    is TrainingDataException
                        or MediaException { Fault: not MediaFault.ToolMissing }
                        or IOException
                        or UnauthorizedAccessException
            )
        {
            lock (_gate)
            {
                _skipped[index] = new SkippedVideo(path, e.Message);
                _entries.Remove(index);
            }
            return null;
        }
        catch
        {
            // Not the video's fault: who asks again tries again.
            lock (_gate)
            {
                _entries.Remove(index);
            }
            throw;
        }
    }

    /// <summary>Counts a clip that was decoded, and lets go of those not used for the longest time.</summary>
    private void Keep(int index, long bytes)
    {
        lock (_gate)
        {
            Decodes++;
            if (!_entries.TryGetValue(index, out Entry? kept))
            {
                return;
            }
            kept.Bytes = bytes;
            for (long sum = _entries.Values.Sum(entry => entry.Bytes); sum > Options.CacheBytes; )
            {
                // Entries without bytes are still being decoded.
                (int oldest, Entry entry) = _entries.Where(e => e.Value.Bytes > 0).MinBy(e => e.Value.LastUse);
                sum -= entry.Bytes;
                _entries.Remove(oldest);
            }
        }
    }

    private FaceClip? SkippedUnlessAll()
    {
        if (_skipped.Count < Count)
        {
            return null;
        }
        const int shown = 3;
        string reasons = string.Join(" ", _skipped.Values.Take(shown).Select(video => video.Reason));
        throw new TrainingDataException(
            _skipped.Count > shown
                ? (Sentence)$"None of the {Count} videos can be used: {reasons} (and {_skipped.Count - shown} more)"
                : $"None of the {Count} videos can be used: {reasons}",
            Paths[0]
        );
    }

    private sealed class Entry(Task<FaceClip?> clip)
    {
        public Task<FaceClip?> Clip { get; } = clip;

        public long Bytes { get; set; }

        public long LastUse { get; set; }
    }
}
