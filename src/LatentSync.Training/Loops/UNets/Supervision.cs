using LatentSync.Attention.Torch.Tensors;
using LatentSync.Foundation.Wording;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.SyncNets;
using LatentSync.Training.Datasets;
using LatentSync.Training.Losses;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops.UNets;

/// <summary>Stage 2's judges of the clean latents that a prediction implies: the synchronisation network, LPIPS and TREPA, the last two on
/// the decoded pictures.</summary>
/// <remarks>The original's scripts/train_unet, losses "sync", "perceptual" and "TREPA"; each is loaded only when its weight is not
/// 0.</remarks>
internal sealed class Supervision : IDisposable
{
    private readonly SupervisionSettings _settings;
    private readonly AutoencoderKL _autoencoder;
    private readonly StableSyncNet? _syncNet;
    private readonly LpipsLoss? _lpips;
    private readonly TrepaLoss? _trepa;
    private readonly Device _device;
    private readonly SyncNetSpeech _speech = new();

    /// <summary>Loads the judges.</summary>
    /// <param name="settings">Weights and files.</param>
    /// <param name="autoencoder">Frozen; the caller's.</param>
    /// <param name="frames">Frames of a window.</param>
    /// <param name="device">Where to compute.</param>
    /// <exception cref="TrainingException">A judge takes other windows.</exception>
    /// <exception cref="Models.Loading.CheckpointMismatchException">A file is of another architecture.</exception>
    public Supervision(SupervisionSettings settings, AutoencoderKL autoencoder, int frames, Device device)
    {
        (_settings, _autoencoder, _device) = (settings, autoencoder, device);
        try
        {
            if (settings.SyncNet is { } sync)
            {
                _syncNet = SyncNetCheckpoint.Open(sync.Path, sync.Configuration, ScalarType.Float32, device);
                _syncNet.GradientCheckpointing = settings.GradientCheckpointing;
                Require(_syncNet.Configuration, frames);
            }
            _lpips = settings.Lpips is { } lpips ? LpipsLoss.Load(lpips.VggPath, lpips.LinearPath, ScalarType.Float32, device) : null;
            _trepa = settings.Trepa is { } trepa ? TrepaLoss.Load(trepa.Path, ScalarType.Float32, device) : null;
            if (_trepa?.Configuration.PatchFrames is { } together && frames % together != 0)
            {
                throw new TrainingException(
                    $"data.num_frames is {frames}, but TREPA's network sees {together} frames at a time: use a multiple of {together}, or run.trepa_loss_weight: 0."
                );
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The weighted losses of a batch.</summary>
    /// <param name="clean">(B, c, f, s, s), scaled: the clean latents that the prediction implies.</param>
    /// <param name="windows">Where the batch comes from.</param>
    /// <returns>Their weighted sum, and each before weighting.</returns>
    public (Tensor Total, IReadOnlyList<KeyValuePair<string, double>> Parts) Judge(Tensor clean, IReadOnlyList<TrainingWindow> windows)
    {
        List<Tensor> weighted = [];
        List<KeyValuePair<string, double>> parts = [];
        void Add(string name, double weight, Tensor loss)
        {
            weighted.Add(loss.to(ScalarType.Float32).Times(weight));
            parts.Add(KeyValuePair.Create(name, (double)loss.to(ScalarType.Float32).item<float>()));
        }

        int frames = windows[0].FrameCount;
        Tensor latents = clean.permute(0, 2, 1, 3, 4).flatten(0, 1); // (B·f, c, s, s)
        Tensor? decoded = _settings.InPixels ? _autoencoder.Decode(_autoencoder.Unscale(latents)) : null; // (B·f, 3, R, R)
        if (_syncNet is not null)
        {
            SyncLoss loss = new((seen, heard) => _syncNet.Embed(seen, heard));
            Tensor seen = decoded is null
                ? FrameBatch.StackInChannels(latents, frames)
                : SyncLoss.ArrangePixels(decoded, frames, _syncNet.Configuration.Resolution);
            Add("sync", _settings.SyncNet!.Weight, loss.Forward(seen, Heard(windows, _syncNet.Configuration.AudioColumns)));
        }
        if (decoded is not null && (_lpips ?? (object?)_trepa) is not null)
        {
            Tensor truth = cat([.. windows.Select(w => w.Frames(_device))]); // (B·f, 3, R, R)
            if (_lpips is not null)
            {
                Add("perceptual", _settings.Lpips!.Weight, _lpips.OfLowerHalf(decoded, truth));
            }
            if (_trepa is not null)
            {
                Add("trepa", _settings.Trepa!.Weight, _trepa.forward(decoded, truth, frames));
            }
        }
        return (weighted.Count == 0 ? zeros([], device: _device) : stack(weighted).sum(), parts);
    }

    public void Dispose()
    {
        _syncNet?.Dispose();
        _lpips?.Dispose();
        _trepa?.Dispose();
    }

    // (B, 1, 80, columns): the mel windows of the frames.
    private Tensor Heard(IReadOnlyList<TrainingWindow> windows, int columns) =>
        stack([.. windows.Select(w => _speech.Window(w.Clip, w.Start, columns))]).to(_device);

    private void Require(SyncNetConfiguration network, int frames)
    {
        if (network.NumFrames != frames || network.LatentSpace == _settings.InPixels)
        {
            throw new TrainingException(
                $"The SyncNet takes windows of {network.NumFrames} frames of {(Sentence)(network.LatentSpace ? "latents" : "pixels")}; this training has {frames} frames of {(Sentence)(_settings.InPixels ? "pixels (run.pixel_space_supervise: true)" : "latents (run.pixel_space_supervise: false)")}."
            );
        }
    }
}
