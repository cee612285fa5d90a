using System.CommandLine;
using System.CommandLine.Parsing;
using LatentSync.Attention.Rules;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Commands;

/// <summary>"--attention": a policy; a misspelt backend or word is refused with the nearest one.</summary>
internal sealed class PolicyOption : Option<string>
{
    private static readonly string[] Keywords = ["auto", "prefer", "require", "forbid"];

    public PolicyOption()
        : base("--attention")
    {
        DefaultValueFactory = _ => "auto";
        HelpName = "POLICY";
        Validators.Add(Check);
    }

    private static void Check(OptionResult result)
    {
        if (result.Tokens is not [var token])
        {
            return;
        }
        try
        {
            _ = Policy.Parse(token.Value, AttentionRules.BackendNames);
        }
        catch (FormatException exception)
        {
            string[] known = [.. AttentionRules.BackendNames, .. Keywords];
            string? nearest = token
                .Value.Split([' ', ',', '=', '\t'], StringSplitOptions.RemoveEmptyEntries)
                .Where(word => !known.Contains(word.ToLowerInvariant()))
                .Select(word => NearestName.Of(word, known))
                .FirstOrDefault(name => name is not null);
            result.AddError($"--attention: {exception.Message}{(nearest is null ? string.Empty : $" Did you mean {nearest}?")}");
        }
    }
}
