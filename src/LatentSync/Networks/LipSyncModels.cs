using LatentSync.Attention.Machines;
using LatentSync.Checkpoints;
using LatentSync.Compute;
using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.Loading;
using LatentSync.Models.UNets;
using LatentSync.Platform.Machines;
using static TorchSharp.torch;

namespace LatentSync.Networks;

/// <summary>The three networks of LatentSync, loaded; serves any number of runs, one at a time.</summary>
internal sealed class LipSyncModels : IDisposable
{
    private LipSyncModels(ComputePlan plan, Machine machine, UNet3DConditionModel unet, AutoencoderKL vae, WhisperEncoder whisper)
    {
        (Plan, Machine, UNet, Vae, Whisper) = (plan, machine, unet, vae, whisper);
    }

    /// <summary>Device and element type.</summary>
    public ComputePlan Plan { get; }

    /// <summary>The machine as it was found.</summary>
    public Machine Machine { get; }

    /// <summary>The denoising network.</summary>
    public UNet3DConditionModel UNet { get; }

    /// <summary>The image autoencoder.</summary>
    public AutoencoderKL Vae { get; }

    /// <summary>The speech encoder.</summary>
    public WhisperEncoder Whisper { get; }

    /// <summary>What the user should know about the checkpoint.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>Loads the networks. libtorch must be loaded.</summary>
    /// <param name="options">Device and element type.</param>
    /// <param name="settings">Where the networks are and what shape they have; not of an identity run.</param>
    /// <param name="machine">The machine.</param>
    /// <param name="progress">Megabytes loaded.</param>
    /// <param name="cancellationToken">Checked between tensors.</param>
    /// <exception cref="CheckpointFormatException">A file is damaged or of no known format.</exception>
    /// <exception cref="CheckpointMismatchException">A file holds another architecture.</exception>
    /// <exception cref="ModelConfigurationException">Configurations do not fit each other.</exception>
    /// <exception cref="InsufficientMemoryException">The networks would not fit in memory.</exception>
    internal static LipSyncModels Load(
        SyncOptions options,
        SyncSettings settings,
        MachineExamination machine,
        IProgress<SyncProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        CheckpointFolder folder = settings.Checkpoint!;
        ComputePlan plan = ComputePlan.Choose(options.Device, options.DType, machine.Machine);
        using IDisposable noGrad = no_grad();
        MemoryGuard.Check(settings, plan, machine);
        LoadedMegabytes? bytes = progress is null ? null : new LoadedMegabytes(progress);
        UNet3DConditionModel? unet = null;
        AutoencoderKL? vae = null;
        WhisperEncoder? whisper = null;
        try
        {
            // The small ones first: what is wrong with them is said before the large one is read.
            // Whisper runs in single precision on the CPU, as in the original.
            ScalarType whisperType = plan.Device.type == TorchSharp.DeviceType.CPU ? ScalarType.Float32 : plan.DType;
            whisper = WhisperCheckpoint.Load(folder.Whisper, whisperType, plan.Device, cancellationToken: cancellationToken);
            CheckFit(settings.Configuration!, whisper);
            vae = AutoencoderFolder.Load(folder.Vae, plan.DType, plan.Device, cancellationToken: cancellationToken);
            (unet, UNetLoadReport report) = UNetCheckpoint.Open(
                folder.UNet,
                settings.Configuration!.Model,
                plan.DType,
                plan.Device,
                bytes,
                cancellationToken
            );
            return new LipSyncModels(plan, machine.Machine, unet, vae, whisper)
            {
                Warnings = plan.Note is { } note ? [.. report.Warnings, note] : report.Warnings,
            };
        }
        catch
        {
            unet?.Dispose();
            vae?.Dispose();
            whisper?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        UNet.Dispose();
        Vae.Dispose();
        Whisper.Dispose();
    }

    private static void CheckFit(LatentSyncConfiguration configuration, WhisperEncoder whisper)
    {
        int width = whisper.Configuration.AudioWidth;
        if (configuration.Model.CrossAttentionDim != width)
        {
            throw new ModelConfigurationException(
                $"The network takes audio tokens of width {configuration.Model.CrossAttentionDim}, but the Whisper checkpoint gives {width}: use tiny.pt for 384 and small.pt for 768."
            );
        }
    }

    // Progress<T> would post to the thread pool, where reports overtake each other.
    private sealed class LoadedMegabytes(IProgress<SyncProgress> progress) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) =>
            progress.Report(new SyncProgress(SyncStage.Load, value.LoadedBytes >> 20, Math.Max(1, value.TotalBytes >> 20), "MB"));
    }
}
