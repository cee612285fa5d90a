using System.Diagnostics;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Training.Datasets;

/// <summary>Writes drawn talking heads as ordinary files: pictures with sound, where the face is, what the mouth does, and the aligned
/// faces that training takes.</summary>
/// <example><code>
/// SyntheticDatasetWriter writer = new(new SyntheticDatasetOptions { Folder = "clips", Count = 100, WriteFaces = true, WriteVideos = false
/// }); SyntheticDatasetResult result = await writer.RunAsync();
/// Console.WriteLine($"{result.FacesFolder}: {result.ClipsWritten} clips, {result.MillisecondsPerFrame:0.0} ms per frame");
/// </code></example>
/// <remarks>Every file appears complete or not at all, the articulation last: an interrupted run goes on where it was.</remarks>
public sealed class SyntheticDatasetWriter
{
    /// <summary>Name of the folder of aligned faces inside the dataset's folder.</summary>
    public const string FacesName = "faces";

    private readonly SyntheticDatasetOptions _options;
    private readonly Lock _gate = new();
    private int _clips;
    private int _kept;
    private long _frames;

    /// <summary>Prepares a run.</summary>
    /// <param name="options">What to write.</param>
    /// <exception cref="TrainingDataException">An option is out of its range.</exception>
    public SyntheticDatasetWriter(SyntheticDatasetOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        _options = options;
    }

    /// <summary>Draws every clip that is not there yet.</summary>
    /// <param name="progress">Told after every frame or so, from several threads; null: not told.</param>
    /// <param name="cancellationToken">Stops it; complete clips stay, unfinished files go.</param>
    /// <exception cref="TrainingDataException">The folder holds a clip of the same name that was drawn otherwise.</exception>
    /// <exception cref="Media.MediaException">ffmpeg is missing or fails, or the disk is full.</exception>
    public async Task<SyntheticDatasetResult> RunAsync(
        IProgress<SyntheticDatasetProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        Stopwatch clock = Stopwatch.StartNew();
        FfmpegTools tools = await FfmpegTools.LocateAsync(_options.FfmpegPath, cancellationToken).ConfigureAwait(false);
        string folder = Path.GetFullPath(_options.Folder);
        (_clips, _kept, _frames) = (0, 0, 0);
        List<SyntheticClipFiles> missing = [];
        for (int i = 0; i < _options.Count; i++)
        {
            SyntheticClipFiles files = new(_options, folder, _options.Seed + i);
            if (files.AreComplete())
            {
                (_clips, _kept) = (_clips + 1, _kept + 1);
            }
            else
            {
                missing.Add(files);
            }
        }
        Report(progress, 0);
        await Parallel
            .ForEachAsync(
                missing,
                new ParallelOptions { MaxDegreeOfParallelism = _options.Jobs, CancellationToken = cancellationToken },
                async (files, cancellation) =>
                {
                    await files.WriteAsync(tools, () => Report(progress, 1), cancellation).ConfigureAwait(false);
                    Interlocked.Increment(ref _clips);
                    Report(progress, 0);
                }
            )
            .ConfigureAwait(false);
        return new SyntheticDatasetResult
        {
            Folder = folder,
            FacesFolder = _options.WriteFaces ? Path.Combine(folder, FacesName) : null,
            ClipsWritten = _clips - _kept,
            ClipsKept = _kept,
            FramesWritten = _frames,
            TotalSeconds = clock.Elapsed.TotalSeconds,
        };
    }

    private void Report(IProgress<SyntheticDatasetProgress>? progress, int frames)
    {
        lock (_gate)
        {
            _frames += frames;
            long perClip = _options.FramesPerClip;
            progress?.Report(new SyntheticDatasetProgress(_clips, _options.Count, _frames + (_kept * perClip), _options.Count * perClip));
        }
    }
}
