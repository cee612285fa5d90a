using System.Diagnostics;
using System.Security.Cryptography;
using LatentSync.Chunks;
using LatentSync.Media.Audio;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Models.AudioEncoders;
using LatentSync.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Run;

/// <summary>Generates faces with the networks: hears the speech, describes each chunk as a job, has it computed, and keeps it where the run
/// can be resumed.</summary>
internal sealed class MouthGenerator : IMouthSource
{
    private readonly RunContext _run;
    private readonly IChunkComputer _computer;
    private readonly Lock _gate = new();
    private readonly ChunkSettings _settings;
    private readonly AudioFeatures _features;
    private readonly AudioFrameClock _audioClock;
    private readonly ChunkStore? _store;
    private readonly float[] _mask;
    private readonly int _totalSteps;
    private readonly int _stepsPerChunk;
    private readonly int _speechWindows;
    private int _steps;
    private int _timedSteps;
    private TimeSpan _stepTime;

    public MouthGenerator(RunContext run, LipSyncModels models, IChunkComputer computer)
    {
        SyncOptions options = run.Options;
        SyncSettings settings = run.Settings;
        _run = run;
        _computer = computer;
        long seed = options.Seed >= 0 ? options.Seed : RandomNumberGenerator.GetInt32(int.MaxValue);
        _settings = new ChunkSettings(
            $"{settings.Identity};{models.Plan.Device};{models.Plan.DTypeName};{SyncOptions.Table.PixelKey(options)}",
            run.Mask.Resolution,
            seed,
            options.InferenceSteps,
            options.GuidanceScale,
            options.Scheduler,
            settings.Configuration!.Prediction,
            options.DeepCache
        );
        Facts = new MouthFacts(seed, models.Plan.Device.ToString(), models.Plan.DTypeName, models.Plan.Reason) { Window = computer.Window };

        using (run.Times.Measure(SyncStage.Audio))
        {
            LogMel mel = LogMelSpectrogram.Compute(run.Speech.Samples.Span);
            AudioWindowing windowing = options.IsolatedAudioWindows ? AudioWindowing.Isolated : AudioWindowing.Overlapped;
            _features = new AudioFeatures(models.Whisper, mel.Values, mel.Frames, windowing);
        }
        _audioClock = new AudioFrameClock(FrameClock.NetworkRate, settings.AudioFramesBefore, settings.AudioFramesAfter);
        _speechWindows = _features.WindowCount;
        _mask = new float[run.Mask.Resolution * run.Mask.Resolution];
        run.Mask.CopyTo(_mask);
        _store = options.Resume ? new ChunkStore(options.OutputPath) : null;
        _stepsPerChunk = _settings.CreateScheduler().Timesteps(options.InferenceSteps).Count;
        _totalSteps = _stepsPerChunk * ((run.Clock.NetworkFrames + settings.FramesPerChunk - 1) / settings.FramesPerChunk);
    }

    public MouthFacts Facts { get; }

    public double? SecondsPerStep => _timedSteps == 0 ? null : _stepTime.TotalSeconds / _timedSteps;

    public async Task<IReadOnlyList<Half[]>> GenerateAsync(Chunk<AlignedFace> chunk, CancellationToken cancellationToken)
    {
        ChunkJob job = Describe(chunk, cancellationToken);
        string? key = _store is null ? null : job.Key();
        Half[] values = new Half[job.Frames * 3 * _mask.Length];
        if (key is not null && _store!.TryRead(key, values))
        {
            Count(_stepsPerChunk, null);
            return Split(values);
        }
        using StageTimes.Measurement measurement = _run.Times.Measure(SyncStage.Denoise);
        Count(0, null);
        values = await _computer.ComputeAsync(job, new Steps(this), cancellationToken);
        if (key is not null)
        {
            _store!.Write(key, values);
        }
        return Split(values);
    }

    /// <summary>The output is complete: what was kept to resume it is not needed any more.</summary>
    public void Complete() => _store?.Delete();

    public void Dispose() => _features.Dispose();

    private ChunkJob Describe(Chunk<AlignedFace> chunk, CancellationToken cancellationToken)
    {
        using StageTimes.Measurement measurement = _run.Times.Measure(SyncStage.Audio);
        cancellationToken.ThrowIfCancellationRequested();
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = _features.FrameTokens(chunk.NetworkFrames[0], chunk.NetworkFrames.Count, _audioClock); // (f, S, X)
        _run.Progress?.Report(
            new SyncProgress(SyncStage.Audio, Math.Min(_features.EncodedWindows, _speechWindows), _speechWindows, "windows")
        );
        Tensor plain = tokens.to(ScalarType.Float32).cpu().contiguous();
        return new ChunkJob(
            _settings,
            chunk.Index,
            _mask,
            [.. chunk.Faces.Select(face => face.Square.Rgb)],
            plain.data<float>().ToArray(),
            (int)plain.shape[1]
        );
    }

    private Half[][] Split(Half[] values) => [.. values.Chunk(3 * _mask.Length)];

    private void Count(int steps, TimeSpan? time)
    {
        int done;
        lock (_gate)
        {
            done = _steps += steps;
            if (time is { } stretch)
            {
                _stepTime += stretch;
                _timedSteps++;
            }
        }
        _run.Progress?.Report(new SyncProgress(SyncStage.Denoise, done, Math.Max(_totalSteps, done), "steps"));
    }

    // Progress<T> would post to the thread pool and let late reports overtake the next chunk's.
    private sealed class Steps(MouthGenerator source) : IProgress<ChunkStep>
    {
        private long _last;

        public void Report(ChunkStep value)
        {
            long now = Stopwatch.GetTimestamp();
            // The first step's time would contain the encoding of the faces.
            source.Count(1, _last == 0 ? null : Stopwatch.GetElapsedTime(_last, now));
            _last = now;
        }
    }
}
