using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;

namespace LatentSync.Attention.Selection;

/// <summary>What libtorch's own function would choose, foretold from the same rules that judge our backends. To compare with
/// <c>torch._fused_sdp_choice</c>, on real devices too.</summary>
public static class LibTorchSelector
{
    private static readonly LibTorchChoice[] Ordinary = [LibTorchChoice.Flash, LibTorchChoice.Efficient, LibTorchChoice.Math];

    private static readonly LibTorchChoice[] CuDnnFirst =
    [
        LibTorchChoice.CuDnn,
        LibTorchChoice.Flash,
        LibTorchChoice.Efficient,
        LibTorchChoice.Math,
    ];

    /// <summary>The first kernel in libtorch's order whose rules the problem keeps as it is: nothing is repaired, and rules that are ours
    /// alone do not count. Softcap, windows and the bottom-right diagonal, which libtorch's function cannot be asked for, are ignored. All
    /// of libtorch's switches are taken to be on, as they are by default.</summary>
    /// <param name="problem">The problem, as the tensors are.</param>
    /// <param name="machine">The machine. Unknown facts break no rule.</param>
    /// <returns>null when the rules of this libtorch are not known: CUDA before 2.5, or AMD's GPUs.</returns>
    /// <exception cref="ArgumentException">The problem has no meaning.</exception>
    public static LibTorchChoice? Predict(in AttentionProblem problem, Machine machine)
    {
        problem.Validate();
        var subject = new ConstraintSubject(problem, machine, 0, null);
        if (subject.OnCuda && (subject.LibTorchIsOlderThan(2, 5) || CommonRules.NvidiaOnly.Violation(subject) is not null))
        {
            return null;
        }
        if (!subject.OnCpu && !subject.OnCuda)
        {
            return LibTorchChoice.Math;
        }
        foreach (LibTorchChoice choice in OrderFor(subject))
        {
            if (choice == LibTorchChoice.Math || FirstRefusal(choice, subject) is null)
            {
                return choice;
            }
        }
        return LibTorchChoice.None;
    }

    /// <summary>Codes of libtorch's own rules that a problem breaks for one of its kernels; empty when it would take the kernel.</summary>
    /// <param name="choice">The kernel.</param>
    /// <param name="problem">The problem.</param>
    /// <param name="machine">The machine.</param>
    public static IReadOnlyList<string> Refusals(LibTorchChoice choice, in AttentionProblem problem, Machine machine)
    {
        var codes = new List<string>();
        var subject = new ConstraintSubject(problem, machine, 0, null);
        foreach (Constraint constraint in RulesOf(choice))
        {
            if (constraint.Violation(subject) is not null)
            {
                codes.Add(constraint.Code);
            }
        }
        return codes;
    }

    private static LibTorchChoice[] OrderFor(in ConstraintSubject subject) =>
        subject.OnCuda && TorchCuDnnRules.IsPreferred(subject) ? CuDnnFirst : Ordinary;

    private static string? FirstRefusal(LibTorchChoice choice, in ConstraintSubject subject)
    {
        foreach (Constraint constraint in RulesOf(choice))
        {
            if (constraint.Violation(subject) is not null)
            {
                return constraint.Code;
            }
        }
        return null;
    }

    /// <summary>The rules that libtorch's selector has too. Whether library, device and driver are there at all it does not ask.</summary>
    private static IEnumerable<Constraint> RulesOf(LibTorchChoice choice)
    {
        IReadOnlyList<Constraint> all = choice switch
        {
            LibTorchChoice.Flash => TorchFlashRules.Backend.Constraints,
            LibTorchChoice.Efficient => TorchEfficientRules.Backend.Constraints,
            LibTorchChoice.CuDnn => TorchCuDnnRules.Backend.Constraints,
            _ => [],
        };
        return all.Where(constraint => !constraint.IsOurs && !CommonRules.All.Contains(constraint));
    }
}
