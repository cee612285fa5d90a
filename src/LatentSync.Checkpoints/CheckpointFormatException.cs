using System.Text;
using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Checkpoints;

/// <summary>A checkpoint file is damaged, malicious, or of a kind that is not read here. Nothing of it was executed.</summary>
public sealed class CheckpointFormatException : FormatException, IFault
{
    /// <summary>Describes one refusal.</summary>
    /// <param name="path">The file.</param>
    /// <param name="problem">What was found and what is required: one sentence without a full stop.</param>
    /// <param name="tensorName">The tensor concerned, or null if the whole file is.</param>
    /// <param name="remedy">What the user can do: one sentence without a full stop; null if there is nothing but to get another
    /// file.</param>
    /// <param name="innerException">The cause reported by a library, if any.</param>
    public CheckpointFormatException(
        string path,
        Sentence problem,
        string? tensorName = null,
        Sentence? remedy = null,
        Exception? innerException = null
    )
        : base(null, innerException)
    {
        Text = Compose(path, problem, tensorName, remedy);
        Path = path;
        Problem = problem;
        TensorName = tensorName;
        Remedy = remedy;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>What was found and what is required.</summary>
    public Sentence Problem { get; }

    /// <summary>The tensor concerned, or null if the whole file is.</summary>
    public string? TensorName { get; }

    /// <summary>What the user can do, or null.</summary>
    public Sentence? Remedy { get; }

    /// <summary>Text from a file, fit for a message: in quotes, control characters escaped, at most 120 characters.</summary>
    internal static string Quote(string text)
    {
        const int MaxLength = 120;
        StringBuilder quoted = new("\"", MaxLength + 8);
        foreach (char c in text.AsSpan(0, Math.Min(text.Length, MaxLength)))
        {
            _ = char.IsControl(c) || char.IsSurrogate(c) ? quoted.Append($"\\u{(int)c:x4}") : quoted.Append(c);
        }
        return quoted.Append(text.Length > MaxLength ? "...\"" : "\"").ToString();
    }

    private static Sentence Compose(string path, Sentence problem, string? tensorName, Sentence? remedy)
    {
        Sentence what = tensorName is null ? problem : Sentence.Of($"tensor {Quote(tensorName)}: {problem}");
        return remedy is null ? (Sentence)$"{path}: {what}." : $"{path}: {what}. {remedy}.";
    }

    /// <inheritdoc/>
    public FaultKind Kind => FaultKind.Input;

    /// <inheritdoc/>
    public Sentence Text { get; }

    /// <inheritdoc/>
    public override string Message => Text.ToString();
}
