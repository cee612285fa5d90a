using System.Globalization;
using System.Runtime.InteropServices;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Backends;
using static TorchSharp.torch;

namespace LatentSync.Lab.Auditing;

/// <summary>The rules against libtorch's own verdict (_fused_sdp_choice) on random problems, as they stand and not repaired.</summary>
internal static class RuleAudit
{
    private const int MostShown = 20;

    internal static RuleAuditResult Run(AuditOptions options)
    {
        var problems = new RandomProblems(options.Seed, options.Device);
        var choices = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var disagreements = new List<RuleDisagreement>();
        int equal = 0;
        for (int i = 0; i < options.Problems; i++)
        {
            using var scope = NewDisposeScope();
            RandomProblem drawn = problems.Draw();
            AttentionProblem problem = AttentionDispatcher.Describe(drawn.Query, drawn.Key, drawn.Value, drawn.Arguments);
            string ours = LibTorchSelector.Predict(problem, options.Machine)?.ToString() ?? "unknown: no rules for this libtorch";
            string theirs = Asked(drawn, problem);
            choices[theirs] = choices.GetValueOrDefault(theirs) + 1;
            if (theirs == ours)
            {
                equal++;
            }
            else if (disagreements.Count < MostShown)
            {
                string words = string.Create(
                    CultureInfo.InvariantCulture,
                    $"{problem.Describe()}, mask {problem.Mask}, strided {problem.Strided}"
                );
                disagreements.Add(new RuleDisagreement(i, words, ours, theirs, Refusals(theirs, problem, options.Machine)));
            }
        }
        return new RuleAuditResult(options.Problems, equal, choices, disagreements);
    }

    /// <summary>Codes of the rules that, by our table, keep libtorch from what it chose; or from its fused kernels, when it chose
    /// none.</summary>
    private static string[] Refusals(string theirs, in AttentionProblem problem, Machine machine)
    {
        AttentionProblem asked = problem;
        LibTorchChoice[] kernels =
            Enum.TryParse(theirs, out LibTorchChoice choice) && choice is not (LibTorchChoice.Math or LibTorchChoice.None)
                ? [choice]
                : [LibTorchChoice.Flash, LibTorchChoice.Efficient, LibTorchChoice.CuDnn];
        return
        [
            .. kernels.SelectMany(kernel => LibTorchSelector.Refusals(kernel, asked, machine)).Distinct().Order(StringComparer.Ordinal),
        ];
    }

    private static string Asked(in RandomProblem drawn, in AttentionProblem problem)
    {
        try
        {
            return LibTorchVerdict
                .Ask(
                    drawn.Query,
                    drawn.Key,
                    drawn.Value,
                    drawn.Arguments.Mask,
                    drawn.Arguments.Dropout,
                    drawn.Arguments.IsCausal,
                    enableGqa: problem.IsGrouped
                )
                .ToString();
        }
        catch (ExternalException refused)
        {
            string message = refused.Message;
            return "threw: " + (message.IndexOf('\n', StringComparison.Ordinal) is >= 0 and var end ? message[..end] : message);
        }
    }
}
