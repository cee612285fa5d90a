using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Files;

/// <summary>What is wrong with a file that was named as an input.</summary>
public enum InputFileFault
{
    /// <summary>There is no such file.</summary>
    Missing,

    /// <summary>It is a folder.</summary>
    Folder,

    /// <summary>It is a pipe, a socket or a device.</summary>
    NotRegular,

    /// <summary>It has more bytes than such a file can have.</summary>
    TooLarge,

    /// <summary>It may not or cannot be read.</summary>
    Unreadable,

    /// <summary>It is no Unicode text.</summary>
    NotText,
}

/// <summary>A file that was named as an input cannot be read.</summary>
public sealed class InputFileException : IOException, IFault
{
    /// <summary>Creates the exception.</summary>
    /// <param name="fault">What is wrong.</param>
    /// <param name="path">The path as it was given.</param>
    /// <param name="problem">The rest of the sentence that begins with the path.</param>
    /// <param name="innerException">The cause.</param>
    public InputFileException(InputFileFault fault, string path, Sentence problem, Exception? innerException = null)
        : base(null, innerException)
    {
        (Fault, FilePath, Problem) = (fault, path, problem);
        Text = Sentence.Of($"{PrintableText.Quote(path)} {problem}.");
    }

    /// <summary>What is wrong.</summary>
    public InputFileFault Fault { get; }

    /// <summary>The path as it was given.</summary>
    public string FilePath { get; }

    /// <summary>The message without the path and the full stop, for a message that names the file's purpose too.</summary>
    public Sentence Problem { get; }

    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Input;

    /// <inheritdoc/>
    public Sentence Text { get; }

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
