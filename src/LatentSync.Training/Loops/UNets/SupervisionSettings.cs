using LatentSync.Models.Loading;
using LatentSync.Models.SyncNets;

namespace LatentSync.Training.Loops.UNets;

/// <summary>Which judges stage 2 has, with their weights and files.</summary>
internal sealed record SupervisionSettings
{
    /// <summary>Keys of <c>run</c>, all the original's.</summary>
    public static IReadOnlyList<string> RunKeys { get; } =
    ["pixel_space_supervise", "use_syncnet", "sync_loss_weight", "perceptual_loss_weight", "trepa_loss_weight"];

    /// <summary>Keys of <c>ckpt</c>, ours: files that the original finds by itself.</summary>
    public static IReadOnlyList<string> CheckpointKeys { get; } = ["vgg_path", "lpips_path", "trepa_path"];

    /// <summary><c>run.pixel_space_supervise</c>: judged are decoded pictures, not latents.</summary>
    public bool InPixels { get; init; }

    /// <summary>The synchronisation network; null: none.</summary>
    public SyncNetJudge? SyncNet { get; init; }

    /// <summary>LPIPS; null: none.</summary>
    public LpipsJudge? Lpips { get; init; }

    /// <summary>TREPA; null: none.</summary>
    public TrepaJudge? Trepa { get; init; }

    /// <summary><c>run.enable_gradient_checkpointing</c>.</summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>There is a judge.</summary>
    public bool HasAny => SyncNet is not null || Lpips is not null || Trepa is not null;

    /// <summary>Reads the judges of a file.</summary>
    /// <param name="run">The file's section <c>run</c>.</param>
    /// <param name="syncNetConfiguration"><c>data.syncnet_config_path</c>; null when absent.</param>
    /// <param name="files">Paths by the keys of <see cref="CheckpointKeys"/>; null when absent.</param>
    /// <exception cref="TrainingException">A judge has a weight but no file; says which key to set.</exception>
    public static SupervisionSettings Read(ConfigurationReader run, string? syncNetConfiguration, Func<string, string?> files)
    {
        bool inPixels = run.Flag("pixel_space_supervise", false);
        double perceptual = inPixels ? run.Number("perceptual_loss_weight", 0) : 0;
        double trepa = inPixels ? run.Number("trepa_loss_weight", 0) : 0;
        return new SupervisionSettings
        {
            InPixels = inPixels,
            SyncNet = run.Flag("use_syncnet", false) ? ReadSyncNet(run.Number("sync_loss_weight", 0.05), syncNetConfiguration) : null,
            Lpips =
                perceptual == 0
                    ? null
                    : new LpipsJudge(perceptual, Required("vgg_path", "perceptual"), Required("lpips_path", "perceptual")),
            Trepa = trepa == 0 ? null : new TrepaJudge(trepa, Required("trepa_path", "trepa")),
            GradientCheckpointing = run.Flag("enable_gradient_checkpointing", false),
        };

        string Required(string key, string loss) =>
            files(key)
            ?? throw new TrainingException(
                $"run.{loss}_loss_weight is not 0, but ckpt.{key} names no file. Give it, or set the weight to 0 to train without."
            );
    }

    // The original's rule: the network's own configuration says where its weights are.
    private static SyncNetJudge ReadSyncNet(double weight, string? configurationPath)
    {
        string path =
            configurationPath ?? throw new TrainingException("run.use_syncnet is true, but data.syncnet_config_path names no file.");
        TrainingDocument document = TrainingDocument.Open(path, "model", "ckpt", "data", "optimizer", "run");
        string? weights = document.ReadPath("ckpt", "inference_ckpt_path");
        return weights is null
            ? throw new TrainingException($"{path} names no weights: ckpt.inference_ckpt_path must be the trained SyncNet.")
            : new SyncNetJudge(weight, weights, SyncNetConfiguration.FromFile(path));
    }
}

/// <summary>The synchronisation network as a judge.</summary>
/// <param name="Weight">Of its loss.</param>
/// <param name="Path">Its weights.</param>
/// <param name="Configuration">Its shape.</param>
internal sealed record SyncNetJudge(double Weight, string Path, SyncNetConfiguration Configuration);

/// <summary>LPIPS as a judge.</summary>
/// <param name="Weight">Of its loss.</param>
/// <param name="VggPath">VGG-16 as torchvision stores it.</param>
/// <param name="LinearPath">The package's five linear layers.</param>
internal sealed record LpipsJudge(double Weight, string VggPath, string LinearPath);

/// <summary>TREPA as a judge.</summary>
/// <param name="Weight">Of its loss.</param>
/// <param name="Path">VideoMAE-v2.</param>
internal sealed record TrepaJudge(double Weight, string Path);
