using LatentSync.Models.Autoencoders;
using LatentSync.Models.SyncNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Datasets;

/// <summary>Draws batches for a StableSyncNet: half of the pairs in sync, the other half with frames from elsewhere in the same
/// video.</summary>
public sealed class SyncNetBatches
{
    private readonly WindowSampler _sampler;
    private readonly StableSyncNet _network;
    private readonly AutoencoderKL? _autoencoder;
    private readonly SyncNetSpeech _speech = new();

    /// <summary>Prepares to draw.</summary>
    /// <param name="library">The videos, of the network's resolution, each of at least two windows.</param>
    /// <param name="network">Gives shapes, device and dtype.</param>
    /// <param name="autoencoder">For a network that sees latents; null for one that sees pixels.</param>
    /// <exception cref="ArgumentException">The network sees latents, and there is no autoencoder.</exception>
    public SyncNetBatches(FaceClipLibrary library, StableSyncNet network, AutoencoderKL? autoencoder = null)
    {
        ArgumentNullException.ThrowIfNull(library);
        ArgumentNullException.ThrowIfNull(network);
        if (network.Configuration.LatentSpace && autoencoder is null)
        {
            throw new ArgumentException("The network sees latents; an autoencoder is required that makes them.", nameof(autoencoder));
        }
        _sampler = new WindowSampler(library, network.Configuration.NumFrames);
        _network = network;
        _autoencoder = network.Configuration.LatentSpace ? autoencoder : null;
    }

    /// <summary>How a library must decode videos for this network.</summary>
    /// <param name="configuration">The network's shape.</param>
    /// <param name="options">What else the library does.</param>
    public static FaceClipLibraryOptions Options(SyncNetConfiguration configuration, FaceClipLibraryOptions? options = null) =>
        (options ?? new FaceClipLibraryOptions()) with
        {
            Resolution = configuration.Resolution,
            MinimumFrames = 2 * configuration.NumFrames,
        };

    /// <summary>Draws one batch: a function of its numbers and the list of videos alone.</summary>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="step">Step of the run.</param>
    /// <param name="firstItem">Place of the first pair among those of the step.</param>
    /// <param name="count">Pairs, at least 1.</param>
    /// <param name="cancellationToken">Stops the waiting for videos.</param>
    /// <returns>The batch; the caller's to dispose.</returns>
    /// <exception cref="TrainingDataException">Every video is skipped.</exception>
    public async Task<SyncNetBatch> DrawAsync(long seed, long step, int firstItem, int count, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        SyncWindow[] windows = await Task.WhenAll(
                Enumerable.Range(firstItem, count).Select(item => _sampler.DrawSyncAsync(seed, step, item, cancellationToken))
            )
            .ConfigureAwait(false);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor visual = stack([.. windows.Select((window, i) => See(window, NoiseSeed(seed, step, firstItem + i)))]); // (B, F·C, H, W)
        Tensor audio = stack([.. windows.Select(Hear)]); // (B, 1, 80, columns)
        Tensor labels = tensor(windows.Select(window => window.Label).ToArray(), device: _network.Device); // (B)
        return new SyncNetBatch(
            visual.to(_network.Device).to(_network.Dtype).DetachFromDisposeScope(),
            audio.to(_network.Device).to(_network.Dtype).DetachFromDisposeScope(),
            labels.DetachFromDisposeScope(),
            windows
        );
    }

    // (F·C, H, W)
    private Tensor See(SyncWindow window, ulong noiseSeed)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor frames = window.Frames(); // (F, 3, R, R)
        if (_autoencoder is not null)
        {
            frames = Encode(frames, noiseSeed); // (F, C, s, s)
        }
        return _network.Arrange(frames.unsqueeze(0)).squeeze(0).MoveToOuterDisposeScope();
    }

    private Tensor Encode(Tensor frames, ulong noiseSeed)
    {
        Tensor weight = _autoencoder!.parameters().First();
        (Tensor mean, Tensor logVariance) = _autoencoder.Encode(frames.to(weight.device).to(weight.dtype));
        using Generator generator = new(noiseSeed, CPU);
        Tensor noise = randn(mean.shape, ScalarType.Float32, generator: generator).to(weight.device).to(weight.dtype);
        return _autoencoder.Scale(AutoencoderKL.Sample(mean, logVariance, noise));
    }

    // (1, 80, columns)
    private Tensor Hear(SyncWindow window) => _speech.Window(window.Clip, window.SpeechStart, _network.Configuration.AudioColumns);

    private static ulong NoiseSeed(long seed, long step, int item) =>
        unchecked((((ulong)seed * 0x9E3779B97F4A7C15UL) + (ulong)step) * 0xBF58476D1CE4E5B9UL + (ulong)item) >> 1;
}
