using LatentSync.Attention.Selection;
using LatentSync.Checkpoints;
using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.Loading;
using LatentSync.Models.UNets;
using static TorchSharp.torch;

namespace LatentSync.Pipelines;

/// <summary>The three networks of LatentSync, loaded; serves any number of runs, one at a time.</summary>
public sealed class LipSyncModels : IDisposable
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

    /// <summary>Side of the face picture that the checkpoint's configuration names; 256 when it names none.</summary>
    public required int Resolution { get; init; }

    /// <summary>Rows of Whisper features before and after a frame's own: data.audio_feat_length.</summary>
    public required IReadOnlyList<int> AudioFeatureLength { get; init; }

    /// <summary>What decides results besides options and inputs: names, sizes and times of the checkpoint's files.</summary>
    public required string Identity { get; init; }

    /// <summary>What the user should know about the checkpoint.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>Loads the networks. libtorch must be loaded.</summary>
    /// <param name="options">Checkpoint folder, configuration, device and element type.</param>
    /// <param name="machine">The machine.</param>
    /// <param name="progress">Megabytes loaded.</param>
    /// <param name="cancellationToken">Checked between tensors.</param>
    /// <exception cref="CheckpointFolderException">The folder or a part of it is missing.</exception>
    /// <exception cref="CheckpointFormatException">A file is damaged or of no known format.</exception>
    /// <exception cref="ModelConfigurationException">A configuration is malformed.</exception>
    /// <exception cref="InsufficientMemoryException">The networks would not fit in memory.</exception>
    public static LipSyncModels Load(SyncOptions options, Machine machine, IProgress<SyncProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        CheckpointFolder folder = CheckpointFolder.Find(options.CheckpointFolder);
        ComputePlan plan = ComputePlan.Choose(options.Device, options.DType, machine);
        LatentSyncConfiguration configuration = ReadConfiguration(options, folder);
        List<string> warnings = [];
        using IDisposable noGrad = no_grad();
        using (TensorArchive archive = TensorArchive.Open(folder.UNet))
        {
            MemoryGuard.CheckWeights(archive, plan, machine);
        }

        LoadedMegabytes? bytes = progress is null ? null : new LoadedMegabytes(progress);
        UNet3DConditionModel? unet = null;
        AutoencoderKL? vae = null;
        WhisperEncoder? whisper = null;
        try
        {
            (unet, UNetLoadReport report) = UNetCheckpoint.Open(folder.UNet, configuration.Model, plan.DType, plan.Device, bytes, cancellationToken);
            warnings.AddRange(Describe(report));
            vae = AutoencoderFolder.Load(folder.Vae, plan.DType, plan.Device, cancellationToken: cancellationToken);
            // Whisper is small; single precision on the CPU, as in the original.
            whisper = WhisperCheckpoint.Load(folder.Whisper, plan.Device.type == TorchSharp.DeviceType.CPU ? ScalarType.Float32 : plan.DType, plan.Device, cancellationToken: cancellationToken);
            CheckFit(configuration, whisper);
            return new LipSyncModels(plan, machine, unet, vae, whisper)
            {
                Resolution = configuration.Resolution ?? 256,
                AudioFeatureLength = configuration.AudioFeatureLength ?? [2, 2],
                Identity = string.Join(';', new[] { folder.UNet, folder.Whisper, folder.Vae }.Select(Stamp)),
                Warnings = warnings,
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

    private static LatentSyncConfiguration ReadConfiguration(SyncOptions options, CheckpointFolder folder) =>
        (options.UNetConfigurationPath ?? folder.Configuration) is { } path
            ? LatentSyncConfiguration.FromFile(path)
            : new LatentSyncConfiguration(UNet3DConfiguration.LatentSync15());

    private static IEnumerable<string> Describe(UNetLoadReport report)
    {
        if (report.Missing.Count > 0)
        {
            yield return $"the checkpoint ({report.LooksLike}) lacks {report.Missing.Count} of the network's tensors, {report.Missing[0]} the first; these layers pass their input through";
        }
        if (report.Unexpected.Count > 0)
        {
            yield return $"{report.Unexpected.Count} tensors of the checkpoint ({report.LooksLike}) are not used, {report.Unexpected[0]} the first";
        }
        if (report.Dropped.Count > 0)
        {
            yield return $"{report.Dropped.Count} tensors of the checkpoint do not fit and were left out, {report.Dropped[0]} the first";
        }
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

    private static string Stamp(string path)
    {
        FileSystemInfo info = Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(path);
        long length = info is FileInfo file ? file.Length : 0;
        return $"{info.FullName}|{length}|{info.LastWriteTimeUtc.Ticks}";
    }
}
