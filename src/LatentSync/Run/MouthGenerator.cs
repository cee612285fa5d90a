using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using LatentSync.Chunks;
using LatentSync.Foundation.Options;
using LatentSync.Media.Audio;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Masks;
using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Schedulers;
using LatentSync.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Run;

/// <summary>Generates faces with the network: audio tokens of the chunk's frames, <see cref="ChunkGenerator"/>, and the store of finished
/// chunks.</summary>
internal sealed class MouthGenerator : IMouthSource
{
    private const int DeepCacheInterval = 3;

    private readonly ChunkGenerator _generator;
    private readonly AudioFeatures _features;
    private readonly AudioFrameClock _audioClock;
    private readonly ChunkStore? _store;
    private readonly Tensor _mask;
    private readonly Tensor _startNoise;
    private readonly string _settings;
    private readonly int _resolution;
    private readonly StageTimes _times;
    private readonly IProgress<SyncProgress>? _progress;
    private readonly int _totalSteps;
    private readonly int _stepsPerChunk;
    private readonly int _speechWindows;
    private int _steps;
    private int _timedSteps;
    private TimeSpan _stepTime;

    public MouthGenerator(
        SyncOptions options,
        SyncSettings settings,
        LipSyncModels models,
        Speech speech,
        FaceMask mask,
        FrameClock clock,
        StageTimes times,
        IProgress<SyncProgress>? progress
    )
    {
        (_times, _progress, _resolution) = (times, progress, mask.Resolution);
        Seed = options.Seed >= 0 ? options.Seed : RandomNumberGenerator.GetInt32(int.MaxValue);
        ChunkGeneratorOptions chunkOptions = new()
        {
            InferenceSteps = options.InferenceSteps,
            GuidanceScale = options.GuidanceScale,
            DeepCacheInterval = options.DeepCache ? DeepCacheInterval : null,
        };
        SchedulerConfiguration schedule = SchedulerConfiguration.LatentSync with { PredictionType = settings.Configuration!.Prediction };
        INoiseScheduler scheduler = NoiseSchedulers.All.Value(options.Scheduler)(schedule);
        _generator = new ChunkGenerator(models.UNet, models.Vae, chunkOptions, scheduler);

        using (times.Measure(SyncStage.Audio))
        {
            LogMel mel = LogMelSpectrogram.Compute(speech.Samples.Span);
            _features = new AudioFeatures(
                models.Whisper,
                mel.Values,
                mel.Frames,
                options.IsolatedAudioWindows ? AudioWindowing.Isolated : AudioWindowing.Overlapped
            );
        }
        _audioClock = new AudioFrameClock(FrameClock.NetworkRate, settings.AudioFramesBefore, settings.AudioFramesAfter);
        _speechWindows = _features.WindowCount;

        _mask = MaskTensors.Of(mask).DetachFromDisposeScope();
        using (SeededLatentNoise noise = new(Seed))
        {
            _startNoise = noise.Draw(LatentNoisePurpose.Start, _generator.StartNoiseShape(_resolution)).DetachFromDisposeScope();
        }
        _store = options.Resume ? new ChunkStore(options.OutputPath) : null;
        _settings = string.Create(
            CultureInfo.InvariantCulture,
            $"{settings.Identity};{models.Plan.Device};{models.Plan.DTypeName};{_resolution};{SyncOptions.Table.PixelKey(options)};{Seed};{mask.Source};{Convert.ToHexString(SHA256.HashData(mask.Values))}"
        );
        _stepsPerChunk = scheduler.Timesteps(options.InferenceSteps).Count;
        _totalSteps = _stepsPerChunk * ((clock.NetworkFrames + settings.FramesPerChunk - 1) / settings.FramesPerChunk);
    }

    public long Seed { get; }

    public double? SecondsPerStep => _timedSteps == 0 ? null : _stepTime.TotalSeconds / _timedSteps;

    public IReadOnlyList<Half[]> Generate(Chunk<AlignedFace> chunk, CancellationToken cancellationToken)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = Tokens(chunk, cancellationToken); // (f, S, X)
        string? key = null;
        if (_store is not null)
        {
            using Tensor plain = tokens.to(ScalarType.Float32).cpu().contiguous();
            key = ChunkStore.Key($"{_settings};{chunk.Index}", [.. chunk.Faces.Select(f => f.Square.Rgb)], plain.data<float>().ToArray());
            if (Restore(key, chunk.Faces.Count) is { } finished)
            {
                Report(_steps += _stepsPerChunk);
                return finished;
            }
        }

        using StageTimes.Measurement measurement = _times.Measure(SyncStage.Denoise);
        Tensor faces = Faces(chunk); // (f, 3, R, R)
        using SeededLatentNoise noise = SeededLatentNoise.ForChunk(Seed, chunk.Index);
        int before = _steps;
        long lastStep = 0;
        Report(before);
        using ChunkResult result = _generator.Generate(
            new ChunkInput(faces, _mask, tokens, _startNoise),
            noise,
            new StepProgress(step =>
            {
                // The first step's time would contain the encoding of the faces.
                long now = Stopwatch.GetTimestamp();
                if (lastStep != 0)
                {
                    _stepTime += Stopwatch.GetElapsedTime(lastStep, now);
                    _timedSteps++;
                }
                lastStep = now;
                Report(before + step.Number);
            }),
            cancellationToken: cancellationToken
        );
        _steps = before + _stepsPerChunk;
        using Tensor halves = result.Composites.to(ScalarType.Float16).contiguous(); // (f, 3, R, R)
        Half[] values = halves.data<Half>().ToArray();
        if (key is not null)
        {
            _store!.Write(key, values);
        }
        return Split(values, chunk.Faces.Count);
    }

    /// <summary>The output is complete: what was kept to resume it is not needed any more.</summary>
    public void Complete() => _store?.Delete();

    public void Dispose()
    {
        _features.Dispose();
        _mask.Dispose();
        _startNoise.Dispose();
    }

    private Tensor Tokens(Chunk<AlignedFace> chunk, CancellationToken cancellationToken)
    {
        using StageTimes.Measurement measurement = _times.Measure(SyncStage.Audio);
        cancellationToken.ThrowIfCancellationRequested();
        Tensor tokens = _features.FrameTokens(chunk.NetworkFrames[0], chunk.NetworkFrames.Count, _audioClock);
        _progress?.Report(new SyncProgress(SyncStage.Audio, Math.Min(_features.EncodedWindows, _speechWindows), _speechWindows, "windows"));
        return tokens;
    }

    private Tensor Faces(Chunk<AlignedFace> chunk)
    {
        int perFace = 3 * _resolution * _resolution;
        float[] planes = new float[chunk.Faces.Count * perFace];
        for (int i = 0; i < chunk.Faces.Count; i++)
        {
            chunk.Faces[i].Square.CopyToPlanes(planes.AsSpan(i * perFace, perFace));
        }
        return tensor(planes, [chunk.Faces.Count, 3, _resolution, _resolution]);
    }

    private List<Half[]>? Restore(string key, int frames)
    {
        Half[] values = new Half[frames * 3 * _resolution * _resolution];
        return _store!.TryRead(key, values) ? Split(values, frames) : null;
    }

    private static List<Half[]> Split(Half[] values, int frames) => [.. values.Chunk(values.Length / frames)];

    private void Report(int steps) => _progress?.Report(new SyncProgress(SyncStage.Denoise, steps, Math.Max(_totalSteps, steps), "steps"));

    // Progress<T> would post to the thread pool and let late reports overtake the next chunk's.
    private sealed class StepProgress(Action<ChunkStep> report) : IProgress<ChunkStep>
    {
        public void Report(ChunkStep value) => report(value);
    }
}
