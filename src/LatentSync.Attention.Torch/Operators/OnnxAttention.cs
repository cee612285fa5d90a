using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Operators;

/// <summary>The ONNX operator <c>Attention</c> of operator sets 23 to 25 in its present meaning (ONNX 1.23), computed by the attention
/// backends.</summary>
/// <remarks>
/// The present meaning: the softcap comes before the mask, score outputs 1 and 2 are after softcap and after bias, with key lengths the
/// causal diagonal ends in a sequence's last key, and rows that see no key give zeros.
/// Layouts are views, the cache is joined once, and neither diagonal nor window nor lengths become a mask: keys and queries that nobody
/// sees are cut off until the backends' own flags say the rest; sequences of unequal lengths are computed one by one.
/// </remarks>
public static class OnnxAttention
{
    /// <summary>Computes the operator by the best backend.</summary>
    /// <param name="inputs">Query, key, value and what else is given.</param>
    /// <param name="attributes">null for the operator's defaults.</param>
    /// <param name="wanted">Optional outputs to compute. The scores take memory of B·Hq·Sq·T elements; Y alone does not.</param>
    /// <param name="dispatcher">null for the current one.</param>
    /// <param name="layer">Layer class, for counters and incidents.</param>
    /// <param name="cancellationToken">Checked before each kernel.</param>
    /// <returns>New tensors in the caller's dispose scope. Y is differentiable when the inputs are, the scores are not.</returns>
    /// <exception cref="ArgumentException">The inputs do not fit each other or the attributes.</exception>
    /// <exception cref="AttentionUnavailableException">No backend that the policy allows can run, or all have failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static OnnxAttentionOutputs Compute(
        OnnxAttentionInputs inputs,
        OnnxAttentionAttributes? attributes = null,
        OnnxOptionalOutputs wanted = OnnxOptionalOutputs.None,
        AttentionDispatcher? dispatcher = null,
        string? layer = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(inputs);
        using var scope = NewDisposeScope();
        var operands = new OnnxOperands(inputs, attributes ?? new OnnxAttentionAttributes());
        Tensor output = Attend(operands, dispatcher ?? AttentionDispatcher.Current, layer, cancellationToken);
        Tensor? scores = wanted.HasFlag(OnnxOptionalOutputs.Scores) ? OnnxScores.Compute(operands) : null;
        return operands.ToOutputs(output, scores, inputs, wanted);
    }

    /// <summary>The oracle: the operator in float64 with every matrix whole, step by step as it is defined; shares only the reading of the
    /// inputs with <see cref="Compute"/>.</summary>
    /// <param name="inputs">Query, key, value and what else is given.</param>
    /// <param name="attributes">null for the operator's defaults.</param>
    /// <param name="wanted">Optional outputs to compute.</param>
    /// <returns>New tensors in the caller's dispose scope, without gradient.</returns>
    /// <exception cref="ArgumentException">The inputs do not fit each other or the attributes.</exception>
    public static OnnxAttentionOutputs ComputeReference(
        OnnxAttentionInputs inputs,
        OnnxAttentionAttributes? attributes = null,
        OnnxOptionalOutputs wanted = OnnxOptionalOutputs.None
    )
    {
        ArgumentNullException.ThrowIfNull(inputs);
        using IDisposable noGradient = no_grad();
        using var scope = NewDisposeScope();
        var operands = new OnnxOperands(inputs, attributes ?? new OnnxAttentionAttributes());
        (Tensor output, Tensor scores) = OnnxReference.Compute(operands);
        return operands.ToOutputs(output, wanted.HasFlag(OnnxOptionalOutputs.Scores) ? scores : null, inputs, wanted);
    }

    /// <summary>Y, (B, Hq, Sq, Dv), in the type of the kernels.</summary>
    private static Tensor Attend(OnnxOperands operands, AttentionDispatcher dispatcher, string? layer, CancellationToken cancellationToken)
    {
        Tensor? result = null;
        for (int start = 0, end; start < operands.Batch; start = end)
        {
            end = operands.EndOfEqualLengths(start);
            (int rows, int keys, AttentionArguments flags) =
                operands.QueryLength == 0 || operands.KeyLength == 0
                    ? (operands.QueryLength, operands.KeyLength, default) // empty: the backends' rules decide
                    : KeyBand.Of(operands.Attributes, operands.OffsetOf(start)).Fit(operands.QueryLength, operands.KeysOf(start));
            bool isWhole = end - start == operands.Batch && rows == operands.QueryLength;
            result ??= isWhole ? null : Zeros(operands);
            if (rows == 0 && operands.QueryLength > 0)
            {
                continue; // nobody sees a key
            }
            cancellationToken.ThrowIfCancellationRequested();
            using var partScope = NewDisposeScope();
            Tensor part = dispatcher.Run(
                operands.Query.narrow(0, start, end - start).narrow(2, 0, rows).to(operands.ComputeType),
                operands.Key.narrow(0, start, end - start).narrow(2, 0, keys).to(operands.ComputeType),
                operands.Value.narrow(0, start, end - start).narrow(2, 0, keys).to(operands.ComputeType),
                flags with
                {
                    Mask = MaskOf(operands, start, end, rows, keys),
                    Scale = operands.Scale,
                    Softcap = operands.Softcap,
                },
                layer,
                cancellationToken
            );
            if (isWhole)
            {
                return part.MoveToOuterDisposeScope();
            }
            result!.narrow(0, start, end - start).narrow(2, 0, rows).copy_(part);
        }
        return result ?? Zeros(operands);
    }

    /// <summary>Zeros in the order of the query: then the result of operands of rank 3 is a view.</summary>
    private static Tensor Zeros(OnnxOperands operands) =>
        operands.HasRank3
            ? zeros(
                    [operands.Batch, operands.QueryLength, operands.HeadCount, operands.ValueDim],
                    operands.ComputeType,
                    operands.Query.device
                )
                .transpose(1, 2)
            : zeros(
                [operands.Batch, operands.HeadCount, operands.QueryLength, operands.ValueDim],
                operands.ComputeType,
                operands.Query.device
            );

    private static Tensor? MaskOf(OnnxOperands operands, int start, int end, int rows, int keys)
    {
        if (operands.Mask is not { } mask || mask.size(3) < keys) // a short one of an empty problem, whose keys are not cut
        {
            return null;
        }
        Tensor part = mask.size(0) == 1 ? mask : mask.narrow(0, start, end - start);
        part = part.size(2) == 1 ? part : part.narrow(2, 0, rows);
        return part.narrow(3, 0, keys);
    }
}
