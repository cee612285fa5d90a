using System.Globalization;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Chunks;
using LatentSync.Evaluation.Quality;
using LatentSync.Media.Faces.Masks;
using LatentSync.Media.Synthesis.Numbers;
using LatentSync.Models.Autoencoders;
using LatentSync.Training.Datasets;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops.Autoencoders;

/// <summary>Teaches the image autoencoder faces: absolute error of the pixels, those of the mouth counting more, and a little divergence
/// from the normal distribution so that the latents are smooth.</summary>
/// <remarks>The loss of latent diffusion's autoencoder (Rombach et al., arXiv:2112.10752, section 3.1) without its adversarial part.
/// In the checkpoint the latents are standardised: <see cref="LatentStandardization"/>.</remarks>
internal sealed class AutoencoderTask : ITrainingTask
{
    private const int ValidationPictures = 32;

    private const double InitialLogVariance = -5;

    private readonly AutoencoderSettings _settings;
    private readonly AutoencoderKL _network;
    private readonly WindowSampler _sampler;
    private readonly WindowSampler? _validation;
    private readonly Device _device;
    private readonly Tensor _mask; // (1, R, R): 1 keep, 0 generated
    private readonly Tensor _weights; // (1, R, R), mean 1

    public AutoencoderTask(AutoencoderSettings settings, FaceClipLibrary library, FaceClipLibrary? validation, long seed, Device device)
    {
        (_settings, _device) = (settings, device);
        _sampler = new WindowSampler(library, 1);
        _validation = validation is null ? null : new WindowSampler(validation, 1);
        _network = AutoencoderKL.Create(settings.Network, ScalarType.Float32, device);
        _network.InitializeForTraining(seed);
        InitializeQuietly(_network);
        if (settings.StartPath is { } start)
        {
            AutoencoderFolder.LoadInto(start, _network);
        }
        _network.train();
        Parameters = TrainableParameters.Select(_network, settings.TrainableModules);
        using DisposeScope scope = NewDisposeScope();
        _mask = MaskTensors.Of(FaceMask.Create(settings.Resolution), device).DetachFromDisposeScope();
        Tensor weights = _mask.neg().Plus(1).Times(settings.MouthWeight - 1).Plus(1);
        _weights = (weights / weights.mean()).DetachFromDisposeScope();
    }

    public string Name => "vae";

    public IReadOnlyList<KeyValuePair<string, Parameter>> Parameters { get; }

    public StepLoss ComputeLoss(TrainingDraw draw, CancellationToken cancellationToken)
    {
        (Tensor pixels, string names) = Pictures(_sampler, draw, _settings.BatchSize, cancellationToken);
        using Generator generator = draw.GeneratorFor(_settings.BatchSize);
        (Tensor mean, Tensor logVariance) = _network.Encode(pixels);
        Tensor latents = AutoencoderKL.Sample(mean, logVariance, randn(mean.shape, generator: generator).to(_device));
        Tensor error = ((_network.Decode(latents) - pixels).abs() * _weights).mean();
        Tensor divergence = (mean * mean).Plus(logVariance.exp()).Minus(1).sub(logVariance).mean().Times(0.5);
        return new StepLoss(
            error.Plus(divergence.Times(_settings.KlWeight)),
            [KeyValuePair.Create("error", (double)error.item<float>()), KeyValuePair.Create("kl", (double)divergence.item<float>())],
            names
        );
    }

    public IReadOnlyList<KeyValuePair<string, double>>? Validate(long step, CancellationToken cancellationToken)
    {
        if (_validation is null)
        {
            return null;
        }
        using IDisposable noGrad = no_grad();
        double whole = 0,
            mouth = 0;
        const int batch = 8;
        for (int i = 0; i < ValidationPictures / batch; i++)
        {
            using DisposeScope scope = NewDisposeScope();
            (Tensor pixels, _) = Pictures(_validation, new TrainingDraw(1, i + 1, 0), batch, cancellationToken, masked: false);
            (Tensor mean, _) = _network.Encode(pixels);
            Tensor difference = _network.Decode(mean).clamp(Scalars.Of(-1.0), Scalars.One) - pixels;
            Tensor squares = difference * difference;
            Tensor generated = _mask.neg().Plus(1);
            whole += squares.mean().item<float>();
            mouth += ((squares * generated).sum() / generated.sum()).item<float>() / (3.0 * batch);
        }
        double batches = ValidationPictures / batch;
        return [KeyValuePair.Create("PSNR", Psnr(whole / batches)), KeyValuePair.Create("PSNR of the mouth region", Psnr(mouth / batches))];
    }

    public string WriteCheckpoint(string folder, long step, LossHistory history)
    {
        string path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"checkpoint-{step}"));
        // A decoder that is refined alone leaves the latents as they were.
        bool changesLatents = Parameters.Any(p =>
            p.Key.StartsWith("encoder.", StringComparison.Ordinal) || p.Key.StartsWith("quant_conv.", StringComparison.Ordinal)
        );
        if (!changesLatents && _settings.StartPath is { } start)
        {
            AutoencoderFolder.Save(path, _network, AutoencoderFolder.ReadConfiguration(start).ScalingFactor);
            return path;
        }
        using DisposeScope scope = NewDisposeScope();
        (Tensor mean, Tensor deviation) = MeasureLatents(); // (c), (c)
        using AutoencoderKL copy = AutoencoderKL.Create(_settings.Network, ScalarType.Float32, _device);
        CopyState(_network, copy);
        double scale = LatentStandardization.Fold(copy, mean, deviation);
        AutoencoderFolder.Save(path, copy, scale);
        return path;
    }

    public void Dispose()
    {
        _network.Dispose();
        _mask.Dispose();
        _weights.Dispose();
    }

    // PyTorch's initialisation draws latents with a variance of 1 around means near 0: the decoder would learn from noise for hundreds of
    // steps. And residual branches that start at zero leave a network that is nearly linear, which finds the coarse picture much sooner.
    private static void InitializeQuietly(AutoencoderKL network)
    {
        using IDisposable noGrad = no_grad();
        Dictionary<string, Tensor> state = network.state_dict();
        if ((state.GetValueOrDefault("quant_conv.bias") ?? state.GetValueOrDefault("encoder.conv_out.bias")) is { } bias)
        {
            long channels = network.Configuration.LatentChannels;
            bias.narrow(0, channels, channels).fill_(Scalars.Of(InitialLogVariance));
        }
        foreach ((string name, Tensor value) in state)
        {
            if (name.Contains(".conv2.", StringComparison.Ordinal) || name.Contains(".to_out.0.", StringComparison.Ordinal))
            {
                value.zero_();
            }
        }
    }

    private static void CopyState(AutoencoderKL from, AutoencoderKL to)
    {
        using IDisposable noGrad = no_grad();
        Dictionary<string, Tensor> target = to.state_dict();
        foreach ((string name, Tensor value) in from.state_dict())
        {
            target[name].copy_(value);
        }
    }

    // Mean and standard deviation of each channel of the latents of 64 pictures.
    private (Tensor Mean, Tensor Deviation) MeasureLatents()
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        List<Tensor> means = [];
        for (int i = 0; i < 8; i++)
        {
            (Tensor pixels, _) = Pictures(_sampler, new TrainingDraw(2, i + 1, 0), 8, CancellationToken.None, masked: false);
            means.Add(_network.Encode(pixels).Mean);
        }
        Tensor latents = cat(means).transpose(0, 1).flatten(1); // (c, n·s·s)
        return (latents.mean([1]).MoveToOuterDisposeScope(), latents.std(1, true, false).MoveToOuterDisposeScope());
    }

    private (Tensor Pixels, string Names) Pictures(
        WindowSampler sampler,
        TrainingDraw draw,
        int count,
        CancellationToken cancellationToken,
        bool masked = true
    )
    {
        List<Tensor> pictures = [];
        List<string> names = [];
        for (int i = 0; i < count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            long seed = (long)draw.SeedFor(i);
            TrainingWindow window = sampler.DrawAsync(seed, draw.Step, i, cancellationToken).GetAwaiter().GetResult();
            Tensor picture = window.Frames(_device); // (1, 3, R, R)
            bool blank = masked && new SeededRandom(seed, 31).Chance(_settings.MaskedShare);
            pictures.Add(blank ? picture * _mask : picture);
            names.Add(string.Create(CultureInfo.InvariantCulture, $"{Path.GetFileName(window.Clip.Path)} frame {window.Start}"));
        }
        return (cat(pictures), string.Join(", ", names));
    }

    // A level of a byte is 1 / 127.5 here.
    private static double Psnr(double meanSquare) => SquaredErrorMeter.DecibelsOf(127.5 * 127.5 * meanSquare);
}
