using System.Diagnostics;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Tuning;
using LatentSync.Chunks;
using LatentSync.Compute;
using LatentSync.Foundation.Wording;
using LatentSync.Media;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Faces.Masks;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;
using LatentSync.Media.Video.Writing;
using LatentSync.Networks;
using LatentSync.Platform.Machines;
using LatentSync.Run;

namespace LatentSync;

/// <summary>
/// Lip-syncs videos: streams frames from ffmpeg through face alignment, the network and compositing back to ffmpeg. Holds the
/// loaded networks between runs. One run at a time.
/// </summary>
public sealed class LipSyncPipeline : IDisposable
{
    private readonly SemaphoreSlim _oneRun = new(1, 1);
    private readonly AttentionDispatcher? _attention;
    private readonly Lock _life = new();
    private int _runs;
    private bool _disposed;
    private LipSyncModels? _models;
    private string? _modelsOf;

    /// <summary>A pipeline whose runs follow the program's attention policy: of <see cref="AttentionDispatcher.Use"/>, else of
    /// <c>AddLatentSyncAttention</c>, else of the environment variable LATENTSYNC_ATTENTION; <see cref="SyncOptions.Attention"/> stands
    /// before all.</summary>
    public LipSyncPipeline() { }

    /// <summary>A pipeline whose runs compute attention as a dispatcher does: its policy, backends, listener and what it has set aside. A
    /// container takes this one: <c>services.AddSingleton&lt;LipSyncPipeline&gt;()</c> beside <c>AddLatentSyncAttention</c>.</summary>
    /// <param name="attention">The dispatcher.</param>
    public LipSyncPipeline(AttentionDispatcher attention)
    {
        ArgumentNullException.ThrowIfNull(attention);
        _attention = attention;
    }

    /// <summary>For tests: changes what the dispatcher of a run is built from.</summary>
    internal Func<AttentionDispatcherOptions, AttentionDispatcherOptions>? ConfigureAttention { get; init; }

    /// <summary>Where the chunks of a run are computed; by default here.</summary>
    internal Func<LipSyncModels, IChunkComputer> ChunkComputer { get; init; } =
        models => new LocalChunkComputer(new ChunkWorker(models.UNet, models.Vae));

    /// <summary>Lip-syncs one video.</summary>
    /// <param name="options">What to do.</param>
    /// <param name="progress">Told of every stage; may be called from any thread.</param>
    /// <param name="cancellationToken">Stops at the next network step or frame; nothing is left behind.</param>
    /// <returns>What was done.</returns>
    /// <exception cref="SyncOptionsException">An option cannot be used.</exception>
    /// <exception cref="MediaException">A video or audio file is missing, damaged or cannot be written.</exception>
    /// <exception cref="FaceException">No detector is there, a model, mask or landmarks file is wrong, or the video shows no face at
    /// all.</exception>
    /// <exception cref="CheckpointFolderException">The checkpoint is missing or incomplete.</exception>
    /// <exception cref="DeviceUnavailableException">The device that was asked for is not there.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; carries <paramref name="cancellationToken"/>.</exception>
    /// <exception cref="ObjectDisposedException">The pipeline was disposed before.</exception>
    public async Task<SyncReport> RunAsync(
        SyncOptions options,
        IProgress<SyncProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        SyncOptionsValidator.Check(options);
        Enter();
        try
        {
            await _oneRun.WaitAsync(cancellationToken);
            try
            {
                // The work blocks its thread for long; the caller's stays free.
                return await Task.Run(() => RunCheckedAsync(options, progress, cancellationToken), cancellationToken);
            }
            finally
            {
                _oneRun.Release();
            }
        }
        catch (OperationCanceledException e) when (cancellationToken.IsCancellationRequested && e.CancellationToken != cancellationToken)
        {
            throw new OperationCanceledException(e.Message, e, cancellationToken); // not that of a token of ours, which no caller knows
        }
        finally
        {
            Leave();
        }
    }

    private void Enter()
    {
        lock (_life)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _runs++;
        }
    }

    private void Leave()
    {
        lock (_life)
        {
            _runs--;
            FreeWhenDone();
        }
    }

    private void FreeWhenDone()
    {
        if (_disposed && _runs == 0)
        {
            _models?.Dispose();
            _models = null;
            _oneRun.Dispose();
        }
    }

    private (AttentionDispatcher? Dispatcher, string? Note) AttentionOf(LipSyncModels models, Policy? policy, BackendRanking ranking)
    {
        RunAttention chosen = RunAttention.Choose(policy, _attention, models.Machine, ranking);
        return (new AttentionDispatcher(ConfigureAttention?.Invoke(chosen.Options) ?? chosen.Options), chosen.Note);
    }

    /// <summary>Frees the networks: at once, or when the runs that were begun have ended. It cancels none of them and loses no result; no
    /// other run can begin.</summary>
    public void Dispose()
    {
        lock (_life)
        {
            if (!_disposed)
            {
                _disposed = true;
                FreeWhenDone();
            }
        }
    }

    private async Task<SyncReport> RunCheckedAsync(
        SyncOptions options,
        IProgress<SyncProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        StageTimes times = new();
        // Everything that can be found wrong is found before the networks load.
        FfmpegTools tools = await FfmpegTools.LocateAsync(cancellationToken: cancellationToken);
        MediaSource source = await MediaSource.OpenAsync(options.VideoPath, options.AudioPath, tools, cancellationToken);
        VideoReader video = OpenVideo(options, source, tools);
        VideoWriter.Check(VideoWriterOptions.Like(video, options.OutputPath, options.AudioPath), tools);
        Speech speech = await Speech.ReadAsync(options, source, tools, cancellationToken);
        SyncSettings settings = SyncSettings.Of(options);
        FaceDetectorChoice choice = OpenDetector(options, settings);
        using IFaceDetector detector = choice.Detector;
        string? detectorNote = await detector.PrepareAsync(video, cancellationToken);
        Policy? policy = ParsePolicy(options);
        RunContext run = new(
            options,
            settings,
            tools,
            speech,
            new FrameClock(video.FrameRate.ToDouble(), speech.Seconds),
            new FaceTemplate(settings.Resolution),
            options.MaskPath is { } path ? FaceMask.Load(path, settings.Resolution) : FaceMask.Create(settings.Resolution),
            times,
            progress
        );

        LipSyncModels? models = settings.Checkpoint is null ? null : LoadModels(run, cancellationToken);
        TunedRanking? tuned = models is null ? null : TunedRanking.Load(models.Machine);
        (AttentionDispatcher? dispatcher, string? attentionNote) = models is null
            ? (null, null)
            : AttentionOf(models, policy, tuned!.Ranking);
        using IDisposable? scope = dispatcher is null ? null : AttentionDispatcher.Use(dispatcher);
        using IMouthSource mouths = models is null
            ? new IdentityMouths(run.Template)
            : new MouthGenerator(run, models, ChunkComputer(models));
        RunResult result = await new SyncRun(run, mouths).ExecuteAsync(video, detector, cancellationToken);
        string[] leftOver = Complete(mouths);

        return new SyncReport
        {
            OutputPath = result.Written.Path,
            Frames = (int)result.Written.Frames,
            NetworkFrames = result.NetworkFrames,
            FrameRate = run.Clock.FrameRate,
            Width = video.Width,
            Height = video.Height,
            FaceResolution = settings.Resolution,
            DurationSeconds = result.Written.Duration.TotalSeconds,
            FrameMapping = run.Clock.Description,
            Detector = choice.Description,
            FacesFound = result.FacesFound,
            FacesInterpolated = result.FacesInterpolated,
            WithoutFace = result.WithoutFace,
            Persons = result.Persons,
            Device = mouths.Facts.Device,
            DType = mouths.Facts.DType,
            DTypeReason = mouths.Facts.DTypeReason,
            Seed = mouths.Facts.Seed,
            Attention = dispatcher is null ? [] : [.. dispatcher.Snapshot().Select(u => new AttentionUse(u.Layer, u.Backend, u.Calls))],
            StageSeconds = times.Seconds,
            SecondsPerStep = mouths.SecondsPerStep,
            TotalSeconds = times.TotalSeconds,
            PeakMemoryBytes = PeakMemory(),
            Warnings =
            [
                .. video.Media.Notes,
                .. video.Notes,
                .. tuned?.Warning is { } untuned ? [untuned] : Array.Empty<string>(),
                .. video.Warnings,
                .. speech.Warnings,
                .. speech.Notes,
                .. settings.Notes,
                .. detectorNote is null ? Array.Empty<string>() : [detectorNote],
                .. models?.Warnings ?? [],
                .. attentionNote is null ? Array.Empty<string>() : [attentionNote],
                .. result.Written.Notes,
                .. result.Warnings,
                .. leftOver,
            ],
        };
    }

    private static VideoReader OpenVideo(SyncOptions options, MediaSource source, FfmpegTools tools)
    {
        _ = MatteColour.TryParse(options.MatteColour, out MatteColour matte); // checked with the other options
        return new VideoReader(source.Picture, tools, source.Timeline) { Matte = matte };
    }

    private static FaceDetectorChoice OpenDetector(SyncOptions options, SyncSettings settings)
    {
        string? models = options.FaceModelsFolder ?? settings.Checkpoint?.FaceModels;
        FaceDetectorOptions faces = new()
        {
            LandmarksPath = options.LandmarksPath,
            ModelFolders = models is null ? [] : [models],
            CascadesFolder = options.CascadesFolder,
        };
        return FaceDetectorFactory.Create(options.LandmarksPath is null ? options.Detector : "landmarks", faces);
    }

    // The output is complete by now: a work folder that cannot be deleted must not turn success into failure.
    private static string[] Complete(IMouthSource mouths)
    {
        try
        {
            mouths.Complete();
            return [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [Sentence.Say($"the work folder of ⟦Resume⟧ could not be deleted: {exception.Message}")];
        }
    }

    private LipSyncModels LoadModels(RunContext run, CancellationToken cancellationToken)
    {
        (SyncOptions options, SyncSettings settings) = (run.Options, run.Settings);
        using StageTimes.Measurement measurement = run.Times.Measure(SyncStage.Load);
        string key = string.Join('\n', settings.Identity, options.Device, options.DType);
        if (_models is not null && _modelsOf == key)
        {
            return _models;
        }
        _models?.Dispose();
        _models = null;
        TorchRuntime.EnsureLoaded(new() { Folder = options.LibTorchFolder });
        MachineExamination machine = new MachineExaminer { LibTorchFolder = options.LibTorchFolder }.Examine();
        _models = LipSyncModels.Load(options, settings, machine, run.Progress, cancellationToken);
        _modelsOf = key;
        return _models;
    }

    // null leaves the choice to the environment variable, then to "auto".
    private static Policy? ParsePolicy(SyncOptions options)
    {
        try
        {
            return options.Attention == "auto" ? null : Policy.Parse(options.Attention, AttentionRules.BackendNames);
        }
        catch (FormatException exception)
        {
            throw new SyncOptionsException($"⟦Attention⟧ {options.Attention}: {exception.Message}", nameof(options.Attention));
        }
    }

    private static long PeakMemory()
    {
        using Process process = Process.GetCurrentProcess();
        return process.PeakWorkingSet64;
    }
}
