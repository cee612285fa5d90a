using System.Globalization;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Foundation.Wording;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.Loading;
using LatentSync.Models.Schedulers;
using LatentSync.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Chunks;

/// <summary>
/// Faces, mask and audio tokens of one chunk to faces that speak: encode, denoise, decode, composite. Chunks are independent of each other.
/// </summary>
/// <remarks>
/// The original's pipeline between the aligned faces and the pasting back. The latents and the guidance are kept in float32 whatever
/// the networks compute in; the original rounds them to the networks' dtype after every step.
/// </remarks>
public sealed class ChunkGenerator
{
    private readonly UNet3DConditionModel _network;
    private readonly AutoencoderKL _autoencoder;
    private readonly ChunkGeneratorOptions _options;
    private readonly INoiseScheduler _scheduler;
    private readonly Device _device;
    private readonly ScalarType _autoencoderDtype;

    /// <summary>Joins the networks.</summary>
    /// <param name="network">Takes 3 · c + 1 channels, c = the autoencoder's latent channels (4), and gives c. Belongs to the
    /// caller.</param>
    /// <param name="autoencoder">Any dtype, the network's device. Belongs to the caller.</param>
    /// <param name="options">Steps, guidance, slices.</param>
    /// <param name="scheduler">null: DDIM with the released values.</param>
    /// <exception cref="ModelConfigurationException">The networks' channels do not fit each other.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public ChunkGenerator(
        UNet3DConditionModel network,
        AutoencoderKL autoencoder,
        ChunkGeneratorOptions options,
        INoiseScheduler? scheduler = null
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.AutoencoderFramesPerCall, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.DeepCacheInterval ?? 2, 2, nameof(options));
        if (!double.IsFinite(options.GuidanceScale))
        {
            throw new ArgumentOutOfRangeException(
                nameof(options),
                $"The guidance scale must be a finite number, not {options.GuidanceScale.ToString(CultureInfo.InvariantCulture)}."
            );
        }
        (_network, _autoencoder, _options, _scheduler) = (network, autoencoder, options, scheduler ?? new DdimScheduler());
        _device = network.parameters().First().device;
        _autoencoderDtype = autoencoder.parameters().First().dtype;
        int latentChannels = autoencoder.Configuration.LatentChannels;
        if (network.Configuration.InChannels != 3 * latentChannels + 1 || network.Configuration.OutChannels != latentChannels)
        {
            throw new ModelConfigurationException(
                $"The U-Net takes {network.Configuration.InChannels} channels and gives {network.Configuration.OutChannels}; with an autoencoder of {latentChannels} latent channels LatentSync needs {3 * latentChannels + 1} and {latentChannels}."
            );
        }
        _scheduler.Start(options.InferenceSteps).Dispose(); // refuses step counts that do not fit before any work is done
    }

    private bool IsGuided => _options.GuidanceScale > 1;

    /// <summary>Shape of <see cref="ChunkInput.StartNoise"/> for faces of R x R pixels.</summary>
    /// <param name="resolution">R.</param>
    public long[] StartNoiseShape(int resolution)
    {
        long side = resolution / _autoencoder.DownsamplingFactor;
        return [1, _autoencoder.Configuration.LatentChannels, 1, side, side];
    }

    /// <summary>Generates one chunk.</summary>
    /// <param name="input">Faces, mask, tokens, start noise.</param>
    /// <param name="noise">Noise to sample the latents of the pictures with, as the original does; null takes the mean of their
    /// distributions.</param>
    /// <param name="progress">Told after every denoising step.</param>
    /// <param name="observer">Sees intermediate values; null costs nothing.</param>
    /// <param name="cancellationToken">Checked before every layer of the denoising network and every call of the autoencoder.</param>
    /// <returns>The chunk; dispose it.</returns>
    /// <exception cref="UNetInputException">A shape does not fit, or the chunk has more frames than the network's position
    /// table.</exception>
    /// <exception cref="NonFiniteResultException">A network gave infinity or NaN; says at which step and what to do.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public ChunkResult Generate(
        ChunkInput input,
        ILatentNoise? noise,
        IProgress<ChunkStep>? progress = null,
        ChunkObserver? observer = null,
        CancellationToken cancellationToken = default
    )
    {
        Check(input);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor faces = input.Faces.to(ScalarType.Float32, _device); // (f, 3, R, R)
        Tensor mask = input.Mask.to(ScalarType.Float32, _device); // (1, R, R)
        Tensor condition = Condition(faces, mask, noise, observer, cancellationToken); // (1, 9, f, s, s)
        Tensor start = input.StartNoise.to(ScalarType.Float32, _device).expand(-1, -1, faces.shape[0], -1, -1); // (1, 4, f, s, s)
        Tensor tokens = input.AudioTokens.to(_network.Dtype, _device).unsqueeze(0); // (1, f, S, X)
        Tensor latents = Denoise(start, condition, tokens, progress, observer, cancellationToken); // (1, 4, f, s, s)
        condition.Dispose();
        Tensor composites = Decode(latents, faces, mask, cancellationToken); // (f, 3, R, R)
        return new ChunkResult(composites.cpu().MoveToOuterDisposeScope(), latents.cpu().MoveToOuterDisposeScope());
    }

    // What stays the same at every step: mask, masked latents, reference latents along the channels.
    private Tensor Condition(Tensor faces, Tensor mask, ILatentNoise? noise, ChunkObserver? observer, CancellationToken cancellationToken)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor maskLatents = MaskTensors.Reduce(mask, _autoencoder.DownsamplingFactor).unsqueeze(0).unsqueeze(2); // (1, 1, 1, s, s)
        observer?.Invoke("mask_latents", maskLatents);
        // The original draws the noise of the masked faces first.
        Tensor maskedLatents = Encode(faces * mask, LatentNoisePurpose.MaskedLatents, noise, cancellationToken); // (1, 4, f, s, s)
        observer?.Invoke("masked_image_latents", maskedLatents);
        Tensor referenceLatents = Encode(faces, LatentNoisePurpose.ReferenceLatents, noise, cancellationToken); // (1, 4, f, s, s)
        observer?.Invoke("reference_latents", referenceLatents);
        Tensor condition = cat([maskLatents.expand(-1, -1, faces.shape[0], -1, -1), maskedLatents, referenceLatents], 1);
        return condition.to(_network.Dtype).MoveToOuterDisposeScope(); // (1, 9, f, s, s)
    }

    // (f, 3, R, R) to scaled latents (1, 4, f, s, s), float32.
    private Tensor Encode(Tensor pixels, LatentNoisePurpose purpose, ILatentNoise? noise, CancellationToken cancellationToken)
    {
        using DisposeScope scope = NewDisposeScope();
        List<Tensor> means = [];
        List<Tensor> logVariances = [];
        foreach ((long first, long count) in Slices(pixels.shape[0]))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using Tensor slice = pixels.narrow(0, first, count).to(_autoencoderDtype);
            (Tensor mean, Tensor logVariance) = _autoencoder.Encode(slice); // each (n, 4, s, s)
            means.Add(mean.to(ScalarType.Float32));
            logVariances.Add(logVariance.to(ScalarType.Float32));
        }
        Tensor latents = cat(means); // (f, 4, s, s)
        if (noise is not null)
        {
            latents = AutoencoderKL.Sample(latents, cat(logVariances), noise.Draw(purpose, latents.shape).to(ScalarType.Float32, _device));
        }
        RequireFinite(latents, "encoding the faces", _autoencoderDtype);
        return _autoencoder.Scale(latents).permute(1, 0, 2, 3).unsqueeze(0).MoveToOuterDisposeScope(); // (1, 4, f, s, s)
    }

    private Tensor Denoise(
        Tensor start,
        Tensor condition,
        Tensor tokens,
        IProgress<ChunkStep>? progress,
        ChunkObserver? observer,
        CancellationToken cancellationToken
    )
    {
        using DisposeScope scope = NewDisposeScope();
        using IDenoisingRun run = _scheduler.Start(_options.InferenceSteps);
        using DeepCacheState? cache = _options.DeepCacheInterval is { } interval ? new DeepCacheState(interval) : null;
        // The silent half has zero tokens, whose attention is known without computing it.
        UNetForwardOptions options = new()
        {
            ZeroContextItems = IsGuided ? 1 : 0,
            DeepCache = cache,
            CancellationToken = cancellationToken,
        };
        Tensor latents = start;
        for (int i = 0; i < run.Timesteps.Count; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ChunkStep step = new(i + 1, run.Timesteps.Count, run.Timesteps[i]);
            Tensor noise = PredictNoise(latents, condition, tokens, step.Timestep, options); // (1, 4, f, s, s)
            Tensor next = run.Step(noise, latents);
            noise.Dispose();
            latents.Dispose();
            latents = next;
            RequireFinite(latents, "denoising", _network.Dtype, step);
            observer?.Invoke("latents", latents);
            progress?.Report(step);
        }
        return latents.MoveToOuterDisposeScope();
    }

    private Tensor PredictNoise(Tensor latents, Tensor condition, Tensor tokens, int timestep, UNetForwardOptions options)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor sample = cat([latents.to(_network.Dtype), condition], 1); // (1, 13, f, s, s)
        Tensor batch = IsGuided ? sample.expand(2, -1, -1, -1, -1) : sample; // silent first
        Tensor output = _network.forward(batch, tensor((long)timestep, device: _device), tokens, options).to(ScalarType.Float32); // (b, 4, f, s, s)
        if (!IsGuided)
        {
            return output.MoveToOuterDisposeScope();
        }
        Tensor silent = output.narrow(0, 0, 1);
        Tensor speaking = output.narrow(0, 1, 1);
        return silent.Plus((speaking - silent).Times(_options.GuidanceScale)).MoveToOuterDisposeScope(); // (1, 4, f, s, s)
    }

    // Pixels of the latents where the mask is 0, the given faces where it is 1: (f, 3, R, R) float32.
    private Tensor Decode(Tensor latents, Tensor faces, Tensor mask, CancellationToken cancellationToken)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor frames = latents.squeeze(0).permute(1, 0, 2, 3); // (f, 4, s, s)
        Tensor unscaled = _autoencoder.Unscale(frames);
        Tensor rest = mask.neg().Plus(1); // (1, R, R): 1 - mask
        Tensor composites = empty_like(faces);
        foreach ((long first, long count) in Slices(faces.shape[0]))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using DisposeScope sliceScope = NewDisposeScope();
            Tensor pixels = _autoencoder.Decode(unscaled.narrow(0, first, count).to(_autoencoderDtype)).to(ScalarType.Float32); // (n, 3, R, R)
            RequireFinite(pixels, "decoding the faces", _autoencoderDtype);
            Tensor composite = (pixels * rest).Plus(faces.narrow(0, first, count) * mask);
            composites.narrow(0, first, count).copy_(composite);
        }
        return composites.MoveToOuterDisposeScope();
    }

    private IEnumerable<(long First, long Count)> Slices(long frames)
    {
        for (long first = 0; first < frames; first += _options.AutoencoderFramesPerCall)
        {
            yield return (first, Math.Min(_options.AutoencoderFramesPerCall, frames - first));
        }
    }

    private static void RequireFinite(Tensor values, Sentence stage, ScalarType dtype, ChunkStep? step = null)
    {
        using Tensor finite = values.isfinite();
        using Tensor all = finite.all();
        if (!all.item<bool>())
        {
            throw new NonFiniteResultException(stage, step?.Number, step?.Total, step?.Timestep, dtype.ToString().ToLowerInvariant());
        }
    }

    private void Check(ChunkInput input)
    {
        int factor = _autoencoder.DownsamplingFactor;
        long[] faces = input.Faces.shape;
        bool isSquare =
            faces.Length == 4 && faces[0] >= 1 && faces[1] == 3 && faces[2] == faces[3] && faces[2] >= factor && faces[2] % factor == 0;
        Require(isSquare, "Faces", input.Faces, $"(f, 3, R, R) with at least one frame and R a multiple of {factor} is required");
        (long frames, long side) = (faces[0], faces[2]);
        if (_network.Configuration.MaximumFrames is { } most && frames > most)
        {
            throw new UNetInputException(
                "Faces",
                $"{frames} frames long",
                $"the network's temporal layers have {most} positions, so a chunk may have at most {most} frames; use shorter chunks"
            );
        }
        Require(input.Mask.shape.SequenceEqual([1, side, side]), "Mask", input.Mask, $"(1, {side}, {side}) is required");
        long[] tokens = input.AudioTokens.shape;
        int width = _network.Configuration.CrossAttentionDim;
        bool fits =
            tokens.Length == 3 && tokens[0] == frames && tokens[1] >= 1 && (tokens[2] == width || !_network.Configuration.AddAudioLayer);
        Require(fits, "AudioTokens", input.AudioTokens, $"({frames}, S, {width}), the tokens of each frame, is required");
        long[] start = StartNoiseShape((int)side);
        Require(input.StartNoise.shape.SequenceEqual(start), "StartNoise", input.StartNoise, $"({string.Join(", ", start)}) is required");
    }

    private static void Require(bool condition, string name, Tensor value, Sentence required)
    {
        if (!condition)
        {
            throw new UNetInputException(name, $"({string.Join(", ", value.shape)})", required);
        }
    }
}
