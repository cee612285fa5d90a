using System.Diagnostics;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Lab.Verification;

/// <summary>Attention's result.</summary>
internal sealed class ForwardPass : VerifiedPass
{
    private readonly AttentionProblem _problem;
    private readonly AttentionInputs _inputs;
    private readonly Action _synchronize;
    private readonly SampledReference _reference;

    /// <summary>Computes the reference.</summary>
    /// <param name="problem">The problem as the tensors pose it.</param>
    /// <param name="inputs">Its operands.</param>
    /// <param name="synchronize">Waits for the device.</param>
    /// <param name="options">Size and seed of the reference.</param>
    internal ForwardPass(in AttentionProblem problem, in AttentionInputs inputs, Action synchronize, VerificationOptions options)
    {
        (_problem, _inputs, _synchronize) = (problem, inputs, synchronize);
        _reference = new SampledReference(problem, inputs, options.ReferenceScores, options.Seed);
    }

    internal override Device Device => _inputs.Query.device;

    internal override long CheckedRows => _reference.CheckedRows;

    internal override double Tolerance => Tolerances.Of(_problem);

    internal override double FlopCount => _problem.FlopCount * (_problem.IsCausal ? 0.5 : 1);

    internal override PassOutcome Run(IAttentionBackend backend)
    {
        _synchronize();
        long start = Stopwatch.GetTimestamp();
        Tensor output = backend.Run(_problem, _inputs).Output;
        _synchronize();
        return new PassOutcome([output], Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    internal override VerificationResult Judge(VerificationResult result, in PassOutcome outcome)
    {
        using var scope = NewDisposeScope();
        Tensor output = outcome.Tensors[0];
        long[] shape = [_problem.Batch, _problem.HeadCount, _problem.QueryLength, _problem.ValueDim];
        if (WrongForm("result", output, shape, TensorFacts.ScalarTypeOf(_problem.DType)) is { } wrong)
        {
            return result with { Failure = wrong };
        }
        (double maxAbs, double relative) = _reference.ErrorOf(output);
        return Judged(result, IsFinite(output), maxAbs, relative);
    }

    internal override TimedCall Timed(IAttentionBackend backend, in PassOutcome outcome) =>
        new(
            () =>
            {
                backend.Run(_problem, _inputs).Output.Dispose();
                _synchronize();
            },
            outcome.Seconds
        );

    public override void Dispose() => _reference.Dispose();
}
