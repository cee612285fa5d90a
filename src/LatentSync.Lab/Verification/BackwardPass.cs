using System.Diagnostics;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Lab.Verification;

/// <summary>The gradients of query, key and value for a standard normal gradient of the result. The forward pass before it is run but not
/// timed: once per turn, so that only one backend's graph is in memory, which then is differentiated as often as the turn needs.</summary>
internal sealed class BackwardPass : VerifiedPass
{
    private static readonly string[] Names = ["gradient of the query", "gradient of the key", "gradient of the value"];

    private readonly AttentionProblem _problem;
    private readonly AttentionInputs _inputs;
    private readonly Action _synchronize;
    private readonly Tensor _outputGradient; // (B, H, Lq, Dv), in the query's order in memory
    private readonly Tensor[] _leaves;
    private readonly GradientReference _reference;

    /// <summary>Computes the reference.</summary>
    /// <param name="problem">The problem as the tensors pose it.</param>
    /// <param name="inputs">Its operands; query, key and value are leaves that need gradients.</param>
    /// <param name="synchronize">Waits for the device.</param>
    /// <param name="options">Size and seed of the reference.</param>
    internal BackwardPass(in AttentionProblem problem, in AttentionInputs inputs, Action synchronize, VerificationOptions options)
    {
        (_problem, _inputs, _synchronize) = (problem, inputs, synchronize);
        _leaves = [inputs.Query, inputs.Key, inputs.Value];
        _outputGradient = SeededOperands.OutputGradient(problem, options.Seed).DetachFromDisposeScope();
        _reference = new GradientReference(problem, inputs, _outputGradient, options.ReferenceScores, options.Seed);
    }

    internal override Device Device => _inputs.Query.device;

    internal override long CheckedRows => _reference.CheckedRows;

    internal override double Tolerance => Tolerances.OfGradient(_problem);

    /// <summary>Five products, as FlashAttention counts them, whatever a backend kept: the scores again and the gradients of query and key
    /// over D, those of weights and value over Dv.</summary>
    internal override double FlopCount =>
        2.0 * _problem.ScoreCount * (3.0 * _problem.HeadDim + 2.0 * _problem.ValueDim) * (_problem.IsCausal ? 0.5 : 1);

    internal override PassOutcome Run(IAttentionBackend backend)
    {
        _synchronize();
        long start = Stopwatch.GetTimestamp();
        using Tensor output = backend.Run(_problem, _inputs).Output;
        _synchronize();
        double forward = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (!output.requires_grad)
        {
            return new PassOutcome([], 0, forward);
        }
        start = Stopwatch.GetTimestamp();
        IList<Tensor> gradients = autograd.grad([output], _leaves, [_outputGradient]);
        _synchronize();
        return new PassOutcome([.. gradients], Stopwatch.GetElapsedTime(start).TotalSeconds, forward);
    }

    internal override VerificationResult Judge(VerificationResult result, in PassOutcome outcome)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        if (outcome.Tensors.Count == 0)
        {
            return result with { Failure = "the result carries no gradient" };
        }
        var errors = new (double MaxAbs, double Relative)[_leaves.Length];
        bool finite = true;
        for (int i = 0; i < _leaves.Length; i++)
        {
            Tensor gradient = outcome.Tensors[i];
            if (WrongForm(Names[i], gradient, _leaves[i].shape, _leaves[i].dtype) is { } wrong)
            {
                return result with { Failure = wrong };
            }
            finite &= IsFinite(gradient);
            errors[i] = _reference.ErrorOf(gradient, i);
        }
        result = Judged(result, finite, errors.Max(error => error.MaxAbs), errors.Max(error => error.Relative));
        return result with
        {
            GradientErrors = errors.All(error => double.IsFinite(error.Relative)) ? [.. errors.Select(error => error.Relative)] : null,
        };
    }

    internal override TimedCall Timed(IAttentionBackend backend, in PassOutcome outcome)
    {
        Tensor? output = null;
        return new TimedCall(Differentiate, outcome.Seconds)
        {
            Before = () =>
            {
                output = backend.Run(_problem, _inputs).Output;
                _synchronize();
            },
            After = () => output!.Dispose(),
            SecondsBeside = outcome.SecondsBeside,
        };

        void Differentiate()
        {
            foreach (Tensor gradient in autograd.grad([output!], _leaves, [_outputGradient], retain_graph: true))
            {
                gradient.Dispose();
            }
            _synchronize();
        }
    }

    public override void Dispose()
    {
        _reference.Dispose();
        _outputGradient.Dispose();
    }
}
