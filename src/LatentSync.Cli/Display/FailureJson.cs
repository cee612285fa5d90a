using System.Text.Json;

namespace LatentSync.Cli.Display;

/// <summary>A failure as data: what `--json` prints on standard output instead of the result.</summary>
/// <param name="Kind">"usage" (the command line), "input" (a file or value), "machine", "failed" or "cancelled".</param>
/// <param name="Code">Stable code such as MED0105; null where the failure has none.</param>
/// <param name="Message">What happened, as standard error has it.</param>
/// <param name="Remedy">What to do, where it is known apart from the message; null otherwise.</param>
/// <param name="ExitCode">The exit code.</param>
internal sealed record FailureJson(string Kind, string? Code, string Message, string? Remedy, int ExitCode)
{
    /// <summary>Whether a command line asks for JSON: read from its words, since a wrong one may not be parsed so far.</summary>
    /// <param name="arguments">The command line's words.</param>
    public static bool IsAsked(IReadOnlyList<string> arguments)
    {
        for (int i = 0; i < arguments.Count && arguments[i] != "--"; i++)
        {
            if (
                arguments[i] is "--json=true" or "--json:true"
                || (arguments[i] == "--json" && arguments.ElementAtOrDefault(i + 1) != "false")
            )
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>The option concerned, "--steps"; null: none, or several.</summary>
    public string? Option { get; init; }

    /// <summary>Writes it to standard output.</summary>
    public void Write() => Console.Out.WriteLine(JsonSerializer.Serialize(new { error = this }, JsonOutput.Options));
}
