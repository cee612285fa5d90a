using LatentSync.Foundation.Wording;
using LatentSync.Networks;

namespace LatentSync.Evaluation.Demo;

/// <summary>The small trained checkpoint that lies beside every program: it knows drawn faces
/// (<see cref="Media.Synthesis.Heads.TalkingHead"/>) and synthetic speech, and nothing about real ones.</summary>
public static class DemoCheckpoint
{
    /// <summary>What is given for a checkpoint folder to mean the embedded one.</summary>
    public const string Name = "demo";

    /// <summary>Folder beside the program that holds it.</summary>
    public const string FolderName = "demo-checkpoint";

    /// <summary>What it is for and what it is not, in two sentences.</summary>
    public static string Scope =>
        Sentence.Say(
            "The embedded checkpoint (⟦CheckpointFolder demo⟧) only knows drawn faces and synthetic speech. Real faces need ByteDance/LatentSync-1.5 or -1.6 on Hugging Face (latentsync_unet.pt, whisper/tiny.pt) with stabilityai/sd-vae-ft-mse as vae/."
        );

    /// <summary>Its folder, or null where a program was built without it.</summary>
    public static string? Find() => FindBeside(ProgramFolder);

    /// <summary>Its folder.</summary>
    /// <exception cref="CheckpointFolderException">The program was built without it.</exception>
    public static string Require() =>
        Find()
        ?? throw new CheckpointFolderException(
            $"The embedded checkpoint is missing: {Path.Combine(ProgramFolder, FolderName)} does not hold {string.Join(", ", SeededCheckpoint.Files.Take(4))}. Build from a complete copy of the repository (src/LatentSync.Evaluation/Demo/Checkpoint), or give ⟦CheckpointFolder DIR⟧."
        );

    /// <summary>A checkpoint folder as users give it: the embedded one for "demo", all else unchanged.</summary>
    /// <param name="folder">A folder, or "demo"; a folder of that name is meant by "./demo".</param>
    /// <exception cref="CheckpointFolderException">"demo", and the program was built without it.</exception>
    public static string Resolve(string folder) => folder == Name ? Require() : folder;

    /// <summary>The checkpoint in a folder of the right name, when all its parts are there.</summary>
    internal static string? FindBeside(string programFolder)
    {
        string folder = Path.Combine(programFolder, FolderName);
        return SeededCheckpoint.Files.Take(4).All(name => File.Exists(Path.Combine(folder, name))) ? folder : null;
    }

    private static string ProgramFolder =>
        typeof(DemoCheckpoint).Assembly.Location is { Length: > 0 } location ? Path.GetDirectoryName(location)! : AppContext.BaseDirectory;
}
