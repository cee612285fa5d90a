namespace LatentSync.Evaluation.Demo;

/// <summary>The demo's output folder holds something that is not the demo's to replace. The message is one sentence, fit for a
/// user.</summary>
public sealed class DemoFolderException : Exception
{
    /// <summary>Makes the exception.</summary>
    /// <param name="message">What is in the way, and what to do.</param>
    public DemoFolderException(string message)
        : base(message) { }
}
