using LatentSync.Cli.Display;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli;

/// <summary>What the command itself says to people on standard error. Failures begin with the program's name, warnings with
/// "warning".</summary>
internal static class Say
{
    /// <summary>Columns by which the second line of a message is indented.</summary>
    private const int Hang = 2;

    /// <summary>Whether Chinese is spoken.</summary>
    public static bool IsChinese => Audience.Current.Language == Language.Chinese;

    /// <summary>The sentence in the language of this process.</summary>
    public static string In(string english, string chinese) => IsChinese ? chinese : english;

    /// <summary>The end of a sentence about a name that is not known; empty where no known one is near.</summary>
    /// <param name="near">The nearest known name; null: none.</param>
    public static string DidYouMean(string? near) =>
        near is null ? string.Empty : In($"; did you mean {near}?", $"；您是不是想写 {near}？");

    /// <summary>Why nothing, or no more, was done.</summary>
    /// <param name="message">The reason; unprintable characters are escaped.</param>
    /// <param name="keepLines">The line ends are the message's own, not a file name's.</param>
    public static void Failure(string message, bool keepLines = false) =>
        WrappedText.WriteError($"latentsync: {PrintableText.Escape(message, keepLines)}", Hang);

    /// <summary>What the user should know about a run that goes on or went well.</summary>
    /// <param name="message">One sentence; unprintable characters are escaped.</param>
    public static void Warning(string message) =>
        WrappedText.WriteError($"{In("warning: ", "警告：")}{PrintableText.Escape(message)}", Hang);
}
