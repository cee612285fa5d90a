using System.Globalization;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.SelfTest;

/// <summary>Small problems with known answers against float64 on the CPU, scores of every magnitude among them; gradients too when training
/// is waiting. Of the cases, those run that the backend's rules allow. Draws no random numbers.</summary>
/// <remarks>It finds kernels that are wrong for everything of their kind: a miscompiled head dim, a broken decode path, a mask that is
/// ignored, a maximum that is subtracted rounded (then rows at -1e12 or at the least number are zero or NaN). It does not find what depends
/// on large sizes or on chance; known cases of these are rules (ATT06nn).</remarks>
internal static class KernelSelfTest
{
    /// <summary>Runs the cases with the element type, device and head dims of a problem.</summary>
    /// <param name="backend">The backend.</param>
    /// <param name="machine">The machine, for the rules.</param>
    /// <param name="like">The problem that is waiting.</param>
    /// <param name="device">Device of its tensors.</param>
    /// <returns>null when every answer is right; else what was wrong, in one line.</returns>
    internal static string? Run(IAttentionBackend backend, Machine machine, in AttentionProblem like, Device device)
    {
        BackendRules? rules = AttentionRules.Backends.FirstOrDefault(rules => rules.Name == backend.Name);
        foreach (SelfTestCase test in SelfTestCase.All)
        {
            // On CUDA the fused kernels keep one logsumexp a row, in float32: their gradients are not tried at large magnitudes.
            if (
                test.IsTraining
                && (!like.NeedsGradient || test.Scores != ScoreRange.Ordinary && like.Device.Kind != AttentionDeviceKind.Cpu)
            )
            {
                continue;
            }
            if (Run(test, backend, rules, machine, like, device) is { } failure)
            {
                return failure;
            }
        }
        return null;
    }

    private static string? Run(
        SelfTestCase test,
        IAttentionBackend backend,
        BackendRules? rules,
        Machine machine,
        in AttentionProblem like,
        Device device
    )
    {
        using var scope = NewDisposeScope();
        using IDisposable mode = test.IsTraining ? enable_grad() : no_grad();
        (Tensor query, Tensor key, Tensor value, AttentionArguments arguments) = test.Make(like);
        Tensor[] operands = [query, key, value];
        Tensor[] leaves = [.. operands.Select(operand => Leaf(operand.to(device), test))];
        AttentionProblem problem = TensorFacts.Describe(leaves[0], leaves[1], leaves[2], arguments) with { Device = like.Device };
        if (rules is not null && !Allows(rules, machine, problem))
        {
            return null;
        }
        Tensor[] exact = [.. operands.Select(operand => Leaf(operand.to(ScalarType.Float64), test))];
        Tensor expected = ReferenceAttention.Compute(exact[0], exact[1], exact[2], arguments, query.dtype);
        Tensor actual = backend.Run(problem, new AttentionInputs(leaves[0], leaves[1], leaves[2], arguments.Mask?.to(device))).Output;
        double allowed = Tolerance(like),
            error = ErrorOf(expected, actual);
        if (error <= allowed && test.IsTraining)
        {
            // The result as its own gradient: there is no second set of numbers to make, and none is lost in rounding.
            IList<Tensor> wanted = autograd.grad([expected], exact, [expected.detach()]);
            IList<Tensor> found = autograd.grad([actual], leaves, [actual.detach()]);
            for (int i = 0; i < leaves.Length; i++)
            {
                // A gradient adds up some products over rows and columns, each as exact as the result.
                error = Math.Max(error, ErrorOf(wanted[i], found[i]) / Math.Max(4, like.ValueDim / 16.0));
            }
        }
        return error <= allowed
            ? null
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{backend.Name} is wrong by {error:G3} where {allowed:G3} is allowed ({test.Name}: {problem.Describe()})"
            );
    }

    /// <summary>The largest difference; infinite when there is none that is a number.</summary>
    private static double ErrorOf(Tensor expected, Tensor actual)
    {
        Tensor difference = expected.detach().sub(actual.detach().to(CPU).to(ScalarType.Float64)).abs();
        return difference.nan_to_num(nan: double.PositiveInfinity).max().item<double>();
    }

    private static Tensor Leaf(Tensor tensor, SelfTestCase test) => test.IsTraining ? tensor.detach().requires_grad_() : tensor;

    /// <summary>Operands are within ±1, so that results are too: a few roundings of the element type, and of TF32 (2^-11) where a GPU may
    /// use it for float32. What is wrong is wrong by more.</summary>
    private static double Tolerance(in AttentionProblem problem) =>
        problem.DType switch
        {
            AttentionDType.Float64 => 1e-10,
            AttentionDType.Float32 => problem.Device.Kind == AttentionDeviceKind.Cpu ? 1e-4 : 1e-2,
            AttentionDType.Float16 => 1e-2,
            _ => 5e-2,
        };

    private static bool Allows(BackendRules rules, Machine machine, in AttentionProblem problem) =>
        AttentionSelector.Select(problem, new SelectionContext { Machine = machine, Backends = [rules] }, freeBytes: null).Chosen
            is not null;
}
