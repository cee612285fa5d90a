using LatentSync.Media.Synthesis.Numbers;

namespace LatentSync.Training.Datasets;

/// <summary>Draws windows of frames at random, as the original, but so that a draw depends on nothing but its numbers and the list of
/// videos: a resumed run, and any number of workers, draw the same.</summary>
internal sealed class WindowSampler
{
    private readonly FaceClipLibrary _library;

    /// <summary>Makes a sampler.</summary>
    /// <param name="library">The clips.</param>
    /// <param name="framesPerWindow">Frames of a window, at least 1. Default 16.</param>
    public WindowSampler(FaceClipLibrary library, int framesPerWindow = 16)
    {
        ArgumentNullException.ThrowIfNull(library);
        ArgumentOutOfRangeException.ThrowIfLessThan(framesPerWindow, 1);
        _library = library;
        FramesPerWindow = framesPerWindow;
    }

    /// <summary>Frames of a window.</summary>
    public int FramesPerWindow { get; }

    /// <summary>A window with a reference: a random video, a random start, and a random reference that does not overlap.</summary>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="step">Step of the run.</param>
    /// <param name="item">Place in the step's batch.</param>
    /// <param name="cancellationToken">Stops the waiting for a video.</param>
    /// <exception cref="InvalidOperationException">The library takes videos that are too short for it: 3 windows are required.</exception>
    /// <exception cref="TrainingDataException">Every video is skipped.</exception>
    public async Task<TrainingWindow> DrawAsync(long seed, long step, int item, CancellationToken cancellationToken = default)
    {
        RequireWindows(3);
        SeededRandom random = RandomOf(seed, step, item);
        FaceClip clip = await DrawClipAsync(random, cancellationToken).ConfigureAwait(false);
        int frames = FramesPerWindow,
            lastStart = clip.FrameCount - frames;
        int start = random.Next(lastStart + 1);

        // Starts 0 .. start - f and start + f .. last: drawn by their number, which is what drawing until one fits comes to.
        int before = Math.Max(start - frames + 1, 0),
            after = Math.Max(lastStart - start - frames + 1, 0);
        int choice = random.Next(before + after);
        return new TrainingWindow(clip, start, choice < before ? choice : start + frames + choice - before, frames);
    }

    /// <summary>A window for the synchronisation network: with probability 1/2 the frames come from another start than the
    /// speech.</summary>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="step">Step of the run.</param>
    /// <param name="item">Place in the step's batch.</param>
    /// <param name="cancellationToken">Stops the waiting for a video.</param>
    /// <exception cref="InvalidOperationException">The library takes videos that are too short for it: 2 windows are required.</exception>
    /// <exception cref="TrainingDataException">Every video is skipped.</exception>
    public async Task<SyncWindow> DrawSyncAsync(long seed, long step, int item, CancellationToken cancellationToken = default)
    {
        RequireWindows(2);
        SeededRandom random = RandomOf(seed, step, item);
        FaceClip clip = await DrawClipAsync(random, cancellationToken).ConfigureAwait(false);
        int lastStart = clip.FrameCount - FramesPerWindow;
        int start = random.Next(lastStart + 1);
        if (random.Chance(0.5))
        {
            return new SyncWindow(clip, start, start, FramesPerWindow);
        }
        int other = random.Next(lastStart); // one of the others
        return new SyncWindow(clip, start, other < start ? other : other + 1, FramesPerWindow);
    }

    private async Task<FaceClip> DrawClipAsync(SeededRandom random, CancellationToken cancellationToken)
    {
        while (true)
        {
            // Ends: the library refuses when nothing is left.
            if (await _library.FindAsync(random.Next(_library.Count), cancellationToken).ConfigureAwait(false) is { } clip)
            {
                return clip;
            }
        }
    }

    private void RequireWindows(int windows)
    {
        int required = windows * FramesPerWindow;
        if (_library.Options.MinimumFrames < required)
        {
            throw new InvalidOperationException(
                $"The library takes videos of {_library.Options.MinimumFrames} frames, but windows of {FramesPerWindow} need {required}: set {nameof(FaceClipLibraryOptions.MinimumFrames)} to that."
            );
        }
    }

    private static SeededRandom RandomOf(long seed, long step, int item)
    {
        long ofSeed = (long)new SeededRandom(seed, 707).NextBits();
        long ofStep = (long)new SeededRandom(unchecked(ofSeed + step), 708).NextBits();
        return new SeededRandom(unchecked(ofStep + item), 709);
    }
}
