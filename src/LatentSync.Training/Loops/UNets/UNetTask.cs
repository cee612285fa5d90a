using System.Globalization;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Checkpoints;
using LatentSync.Chunks;
using LatentSync.Media.Faces.Masks;
using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.Loading;
using LatentSync.Models.Schedulers;
using LatentSync.Models.UNets;
using LatentSync.Training.Datasets;
using LatentSync.Training.Losses;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops.UNets;

/// <summary>Teaches the denoising network: noise is added to the latents of a window, and predicted from the picture around the mouth, a
/// reference and the audio.</summary>
/// <remarks>One step of the original's scripts/train_unet; mean squared error of the predicted noise.</remarks>
internal sealed class UNetTask : ITrainingTask
{
    /// <summary>Greatest weight of <see cref="UNetSettings.WeighsVelocity"/>.</summary>
    public const double LargestWeight = 10;

    private const int ValidationBatches = 6;
    private const int StepsAhead = 2;
    private const int NoisePurpose = 100_000,
        LatentPurpose = 200_000,
        TimePurpose = 300_000,
        DropoutPurpose = 400_000;

    private readonly UNetSettings _settings;
    private readonly MixedPrecision<UNet3DConditionModel> _networks;
    private readonly AutoencoderKL _autoencoder;
    private readonly WhisperEncoder _encoder;
    private readonly WindowSampler _sampler;
    private readonly WindowSampler? _validation;
    private readonly ClipFeatures _features;
    private readonly Supervision? _supervision;
    private readonly Device _device;
    private readonly Tensor _mask; // (1, R, R)
    private readonly Tensor _maskLatents; // (1, s, s), in main memory
    private readonly Tensor _errorWeights; // (s, s), mean 1
    private readonly NoiseSchedule _schedule = new DdimScheduler().Schedule;

    public UNetTask(UNetSettings settings, FaceClipLibrary library, FaceClipLibrary? validation, long seed, TrainingDevice hardware)
    {
        Device device = hardware.Device;
        (_settings, _device) = (settings, device);
        _sampler = new WindowSampler(library, settings.Frames);
        _validation = validation is null ? null : new WindowSampler(validation, settings.Frames);
        _autoencoder = AutoencoderFolder.Load(settings.AutoencoderFolder, ScalarType.Float32, device);
        _encoder = WhisperCheckpoint.Load(settings.WhisperPath, ScalarType.Float32, device);
        Require(settings, _autoencoder, _encoder);
        _autoencoder.GradientCheckpointing = settings.GradientCheckpointing;
        _supervision = settings.Supervision.HasAny ? new Supervision(settings.Supervision, _autoencoder, settings.Frames, device) : null;
        UNet3DConditionModel network = UNet3DConditionModel.Create(settings.Network, ScalarType.Float32, device);
        network.InitializeForTraining(seed);
        if (settings.StartPath is { } start)
        {
            using TensorArchive archive = TensorArchive.Open(start);
            UNetCheckpoint.Load(network, archive, allowMissing: true);
        }
        network.train();
        Parameters = TrainableParameters.Select(network, settings.TrainableModules);
        ScalarType dtype = settings.MixedPrecision && hardware.MixesPrecision ? ScalarType.BFloat16 : ScalarType.Float32;
        _networks = new MixedPrecision<UNet3DConditionModel>(
            network,
            dtype,
            type => UNet3DConditionModel.Create(settings.Network, type, device)
        );
        _networks.Working.GradientCheckpointing = settings.GradientCheckpointing;
        using DisposeScope scope = NewDisposeScope();
        FaceMask mask = settings.MaskPath is { } path ? FaceMask.Load(path, settings.Resolution) : FaceMask.Create(settings.Resolution);
        _mask = MaskTensors.Of(mask, device).DetachFromDisposeScope();
        _maskLatents = MaskTensors.Reduce(_mask, _autoencoder.DownsamplingFactor).cpu().contiguous().DetachFromDisposeScope();
        _errorWeights = MouthWeights.Of((int)_maskLatents.shape[^1], settings.MouthWeight, device).DetachFromDisposeScope();
        AudioFrameClock clock = new(FaceClip.FrameRate, settings.AudioFrames.Before, settings.AudioFrames.After);
        _features = new ClipFeatures(_autoencoder, _encoder, clock, _mask, settings.CacheBytes);
    }

    public string Name => "unet";

    public IReadOnlyList<KeyValuePair<string, Parameter>> Parameters { get; }

    public StepLoss ComputeLoss(TrainingDraw draw, CancellationToken cancellationToken)
    {
        Prepare(draw with { Step = draw.Step + StepsAhead });
        return Compute(_sampler, draw, cancellationToken);
    }

    public IReadOnlyList<KeyValuePair<string, double>>? Validate(long step, CancellationToken cancellationToken)
    {
        if (_validation is null)
        {
            return null;
        }
        using IDisposable noGrad = no_grad();
        double sum = 0;
        for (int i = 0; i < ValidationBatches; i++)
        {
            using DisposeScope scope = NewDisposeScope();
            sum += Compute(_validation, new TrainingDraw(1, i + 1, 0), cancellationToken).Parts[0].Value / ValidationBatches;
        }
        return [KeyValuePair.Create("error", sum)];
    }

    public string WriteCheckpoint(string folder, long step, LossHistory history)
    {
        string path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"checkpoint-{step}.pt"));
        TorchCheckpointWriter.Write(
            path,
            new CheckpointDictionary { { "global_step", step }, { "state_dict", StateDictWriter.Dictionary(_networks.Master) } }
        );
        return path;
    }

    public void Dispose()
    {
        _features.Dispose();
        _supervision?.Dispose();
        _networks.Dispose();
        _autoencoder.Dispose();
        _encoder.Dispose();
        _mask.Dispose();
        _maskLatents.Dispose();
        _errorWeights.Dispose();
    }

    public void CollectGradients() => _networks.CollectGradients();

    private StepLoss Compute(WindowSampler sampler, TrainingDraw draw, CancellationToken cancellationToken)
    {
        _networks.Refresh();
        Batch batch = Draw(sampler, draw, cancellationToken);
        Tensor latents = batch.Latents; // (B, c, f, s, s)
        using Generator noises = draw.GeneratorFor(NoisePurpose);
        Tensor noise = MixedNoise.Draw(latents.shape, _settings.MixedNoiseAlpha, noises, ScalarType.Float32, CPU); // (B, c, f, s, s)
        using Generator times = draw.GeneratorFor(TimePurpose);
        Tensor timesteps = randint(0, _schedule.AlphasCumulative.Count, [latents.shape[0]], generator: times, dtype: ScalarType.Int64); // (B)
        Tensor noisy = _schedule.AddNoise(latents, noise, timesteps); // (B, c, f, s, s)
        Tensor input = cat([noisy, MaskOf(latents.shape), batch.Masked, batch.Reference], 1).to(_device); // (B, 3c + 1, f, s, s)
        Tensor predicted = _networks
            .Working // (B, c, f, s, s)
            .forward(input.to(_networks.DType), timesteps.to(_device), batch.Tokens.to(_networks.DType, _device))
            .to(ScalarType.Float32);
        Tensor difference = predicted - Target(latents, noise, timesteps).to(_device);
        Tensor squares = (difference * difference * _errorWeights).mean([1, 2, 3, 4]); // (B)
        List<KeyValuePair<string, double>> parts =
        [
            KeyValuePair.Create(_settings.Prediction == PredictionType.Epsilon ? "noise" : "latents", (double)squares.mean().item<float>()),
        ];
        Tensor total = (squares * Weights(timesteps)).mean().Times(_settings.ReconstructionWeight);
        if (_supervision is not null)
        {
            Tensor clean = Clean(noisy.to(_device), predicted, timesteps); // (B, c, f, s, s)
            (Tensor judged, IReadOnlyList<KeyValuePair<string, double>> each) = _supervision.Judge(clean, batch.Windows);
            total = total.Plus(judged);
            parts.AddRange(each);
        }
        return new StepLoss(total, parts, batch.Names);
    }

    // (B, 1, f, s, s).
    private Tensor MaskOf(long[] shape) => _maskLatents.view(1, 1, 1, shape[3], shape[4]).expand(shape[0], 1, shape[2], -1, -1);

    // What the network ought to give: (B, c, f, s, s).
    private Tensor Target(Tensor latents, Tensor noise, Tensor timesteps) =>
        _settings.Prediction switch
        {
            PredictionType.Epsilon => noise,
            PredictionType.Sample => latents,
            // v = sqrt(abar) noise - sqrt(1 - abar) x0: noise with the roles exchanged and the sign of x0 turned.
            _ => _schedule.AddNoise(noise, latents.neg(), timesteps),
        };

    private Tensor Clean(Tensor noisy, Tensor predicted, Tensor timesteps) =>
        _settings.Prediction switch
        {
            PredictionType.Epsilon => DiffusionLoss.EstimateClean(_schedule, noisy, predicted, timesteps),
            PredictionType.Sample => predicted,
            // x0 = sqrt(abar) x_t - sqrt(1 - abar) v.
            _ => _schedule.AddNoise(noisy, predicted.neg(), timesteps),
        };

    // (B): 1, or 1 + 1/SNR = 1/abar up to a bound.
    private Tensor Weights(Tensor timesteps)
    {
        double Weight(long t) =>
            _settings.WeighsVelocity && _settings.Prediction == PredictionType.Epsilon
                ? Math.Min(1 / _schedule.AlphasCumulative[(int)t], LargestWeight)
                : 1;
        return tensor([.. timesteps.data<long>().ToArray().Select(t => (float)Weight(t))], device: _device);
    }

    // A failure here is met again, and reported, when the step itself asks for the clip.
    private void Prepare(TrainingDraw draw)
    {
        for (int i = 0; i < _settings.BatchSize; i++)
        {
            _sampler
                .DrawAsync((long)draw.SeedFor(i), draw.Step, i)
                .ContinueWith(
                    drawn => _features.Prepare(drawn.Result.Clip),
                    CancellationToken.None,
                    TaskContinuationOptions.OnlyOnRanToCompletion,
                    TaskScheduler.Default
                );
        }
    }

    private Batch Draw(WindowSampler sampler, TrainingDraw draw, CancellationToken cancellationToken)
    {
        List<Tensor> latents = [],
            masked = [],
            reference = [],
            tokens = [];
        List<TrainingWindow> windows = [];
        using Generator drop = draw.GeneratorFor(DropoutPurpose);
        float[] chances = rand([_settings.BatchSize], generator: drop).data<float>().ToArray();
        for (int i = 0; i < _settings.BatchSize; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            TrainingWindow window = sampler.DrawAsync((long)draw.SeedFor(i), draw.Step, i, cancellationToken).GetAwaiter().GetResult();
            using Generator generator = draw.GeneratorFor(LatentPurpose + i);
            latents.Add(_features.Latents(window.Clip, window.Start, _settings.Frames, masked: false, generator));
            masked.Add(_features.Latents(window.Clip, window.Start, _settings.Frames, masked: true, generator));
            reference.Add(_features.Latents(window.Clip, window.ReferenceStart, _settings.Frames, masked: false, generator));
            Tensor heard = _features.Tokens(window.Clip, window.Start, _settings.Frames);
            tokens.Add(chances[i] < _settings.AudioDropout ? zeros_like(heard) : heard);
            windows.Add(window);
        }
        return new Batch(stack(latents), stack(masked), stack(reference), stack(tokens), windows);
    }

    private static void Require(UNetSettings settings, AutoencoderKL autoencoder, WhisperEncoder encoder)
    {
        int channels = autoencoder.Configuration.LatentChannels;
        if (settings.Network.InChannels != 3 * channels + 1 || settings.Network.OutChannels != channels)
        {
            throw new TrainingException(
                $"model.in_channels is {settings.Network.InChannels} and out_channels {settings.Network.OutChannels}; with the autoencoder's {channels} latent channels {3 * channels + 1} and {channels} are required."
            );
        }
        if (settings.Network.CrossAttentionDim != encoder.Configuration.AudioWidth)
        {
            throw new TrainingException(
                $"model.cross_attention_dim is {settings.Network.CrossAttentionDim}, but the speech encoder gives tokens of width {encoder.Configuration.AudioWidth}."
            );
        }
        if (settings.Resolution % autoencoder.DownsamplingFactor != 0)
        {
            throw new TrainingException(
                $"data.resolution is {settings.Resolution}; a multiple of the autoencoder's factor {autoencoder.DownsamplingFactor} is required."
            );
        }
    }

    // Three of (B, c, f, s, s); (B, f, S, X).
    private sealed record Batch(Tensor Latents, Tensor Masked, Tensor Reference, Tensor Tokens, IReadOnlyList<TrainingWindow> Windows)
    {
        public string Names =>
            string.Join(
                ", ",
                Windows.Select(w =>
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{Path.GetFileName(w.Clip.Path)} frames {w.Start} to {w.Start + w.FrameCount - 1}"
                    )
                )
            );
    }
}
