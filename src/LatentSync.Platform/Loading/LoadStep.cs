namespace LatentSync.Platform.Loading;

/// <summary>One step of loading a native library, for the doctor.</summary>
/// <param name="Action">"locate", "inspect", "repair", "load", ...</param>
/// <param name="Target">The file or folder.</param>
/// <param name="Succeeded">The step did what it should.</param>
/// <param name="Detail">What was found or why it failed.</param>
public sealed record LoadStep(string Action, string Target, bool Succeeded, string Detail)
{
    /// <summary>One line.</summary>
    public override string ToString() => $"{(Succeeded ? "ok  " : "FAIL")} {Action} {Target}: {Detail}";
}
