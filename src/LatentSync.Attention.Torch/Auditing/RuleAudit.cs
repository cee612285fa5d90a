using System.Globalization;
using System.Runtime.InteropServices;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch.Backends;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Auditing;

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
            (LibTorchChoice ours, IReadOnlyList<string> codes) = Foretold(problem, options.Machine);
            string theirs = Asked(drawn, problem);
            choices[theirs] = choices.GetValueOrDefault(theirs) + 1;
            if (theirs == ours.ToString())
            {
                equal++;
            }
            else if (disagreements.Count < MostShown)
            {
                string words = string.Create(CultureInfo.InvariantCulture, $"{problem.Describe()}, mask {problem.Mask}, strided {problem.Strided}");
                disagreements.Add(new RuleDisagreement(i, words, ours.ToString(), theirs, codes));
            }
        }
        return new RuleAuditResult(options.Problems, equal, choices, disagreements);
    }

    /// <summary>What the rules say that libtorch chooses, and the codes of what speaks against its fused kernels.</summary>
    internal static (LibTorchChoice Choice, IReadOnlyList<string> Codes) Foretold(in AttentionProblem problem, Machine machine)
    {
        Plan plan = AttentionSelector.Select(problem, new SelectionContext { Machine = machine }, freeBytes: null);
        Verdict verdict = plan.VerdictOf(AttentionBackendNames.TorchFlash)!;
        // Repairs are ours: as it stands, libtorch must refuse what we would repair, except a mask type it misreads (ATT0212).
        string[] codes = [.. verdict.Reasons.Concat(verdict.Repairs).Select(reason => reason.Code).Where(code => code != "ATT0212")];
        return (codes.Length == 0 ? LibTorchChoice.Flash : LibTorchChoice.Math, codes);
    }

    private static string Asked(in RandomProblem drawn, in AttentionProblem problem)
    {
        try
        {
            return LibTorchVerdict.Ask(
                drawn.Query, drawn.Key, drawn.Value, drawn.Arguments.Mask, drawn.Arguments.Dropout, drawn.Arguments.IsCausal,
                enableGqa: problem.IsGrouped).ToString();
        }
        catch (ExternalException refused)
        {
            string message = refused.Message;
            return "threw: " + (message.IndexOf('\n', StringComparison.Ordinal) is >= 0 and var end ? message[..end] : message);
        }
    }
}
