using LatentSync.Checkpoints;
using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Networks;

/// <summary>Where the parts of a LatentSync checkpoint lie, in the original's layout.</summary>
/// <param name="UNet">latentsync_unet.pt (or .safetensors, or the index of several files).</param>
/// <param name="Whisper">whisper/tiny.pt or whisper/small.pt (or as above).</param>
/// <param name="Vae">Folder with config.json and diffusion_pytorch_model.*.</param>
/// <param name="Configuration">The UNet's YAML configuration; null when the folder has none.</param>
/// <param name="FaceModels">Folder for face detection models; null when the folder has none.</param>
public sealed record CheckpointFolder(string UNet, string Whisper, string Vae, string? Configuration, string? FaceModels)
{
    private static readonly string[] UNetNames = [.. WeightsFile.Names("latentsync_unet", ".pt", ".safetensors")];
    private static readonly string[] WhisperNames =
    [
        .. ((string[])["whisper/tiny", "whisper/small", "tiny", "small"]).SelectMany(stem =>
            WeightsFile.Names(stem, ".pt", ".safetensors")
        ),
    ];
    private static readonly string[] VaeNames = ["vae", "sd-vae-ft-mse", "stabilityai/sd-vae-ft-mse"];
    private static readonly string[] ConfigurationNames = ["config.yaml", "unet.yaml", "stage2.yaml", "stage2_512.yaml"];
    private static readonly string[] FaceModelNames = ["auxiliary/models/buffalo_l", "auxiliary", "faces"];

    /// <summary>Finds the parts below a folder.</summary>
    /// <param name="folder">The folder given by the user.</param>
    /// <exception cref="CheckpointFolderException">The folder or a part of it is missing: all missing parts are named.</exception>
    public static CheckpointFolder Find(string folder)
    {
        string root = Path.GetFullPath(folder);
        if (!Directory.Exists(root))
        {
            throw new CheckpointFolderException(
                $"The checkpoint folder {root} does not exist; give one with ⟦CheckpointFolder DIR⟧. It must hold latentsync_unet.pt and whisper/tiny.pt (Hugging Face: ByteDance/LatentSync-1.5 or -1.6) and vae/ with config.json and diffusion_pytorch_model.safetensors (stabilityai/sd-vae-ft-mse). ⟦CheckpointFolder demo⟧ uses the embedded one, which only knows drawn faces."
            );
        }
        string? unet = FirstFile(root, UNetNames);
        string? whisper = FirstFile(root, WhisperNames);
        string? vae = VaeNames.Select(n => Path.Combine(root, n)).FirstOrDefault(d => File.Exists(Path.Combine(d, "config.json")));
        List<Sentence> missing = [];
        if (unet is null)
        {
            missing.Add("latentsync_unet.pt");
        }
        if (whisper is null)
        {
            missing.Add("whisper/tiny.pt");
        }
        if (vae is null)
        {
            missing.Add("vae/config.json with its weights");
        }
        if (missing.Count > 0)
        {
            throw new CheckpointFolderException($"The checkpoint folder {root} lacks {Sentence.Join(", ", missing)}.");
        }
        string? faces = FaceModelNames.Select(n => Path.Combine(root, n)).FirstOrDefault(Directory.Exists);
        return new CheckpointFolder(unet!, whisper!, vae!, FirstFile(root, ConfigurationNames), faces);
    }

    private static string? FirstFile(string root, string[] names) => names.Select(n => Path.Combine(root, n)).FirstOrDefault(File.Exists);
}

/// <summary>A checkpoint folder is missing or incomplete.</summary>
public sealed class CheckpointFolderException : IOException, IFault
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is missing, where it was looked for and where it comes from.</param>
    public CheckpointFolderException(Sentence message)
    {
        Text = message;
    }

    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Input;

    /// <inheritdoc/>
    public Sentence Text { get; }

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
