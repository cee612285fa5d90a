using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>Sliced attention for training: keeps only its operands, and computes each slice a second time in the backward pass, so that
/// memory
/// stays bounded by a slice. A gradient of a gradient is not available.</summary>
internal sealed class SlicedFunction : autograd.SingleTensorFunction<SlicedFunction>
{
    /// <summary>What the tensors do not say.</summary>
    internal sealed record Call(AttentionProblem Problem, SliceShape Shape);

    /// <inheritdoc/>
    public override string Name => nameof(SlicedFunction);

    /// <summary>Forward; autograd is off here.</summary>
    /// <param name="ctx">Keeps the operands.</param>
    /// <param name="vars">Query, key, value, a mask if there is one, and a <see cref="Call"/>.</param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var call = (Call)vars[^1];
        List<Tensor> operands = [.. vars.Take(vars.Length - 1).Cast<Tensor>()];
        ctx.save_for_backward(operands);
        ctx.save_data(nameof(Call), call);
        return SlicedForward.Run(call.Problem, Inputs(operands), call.Shape);
    }

    /// <summary>Backward: each slice again, differentiated by libtorch.</summary>
    /// <param name="ctx">The kept operands.</param>
    /// <param name="grad_output">(B, H, Lq, Dv).</param>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        using IDisposable gradient = enable_grad();
        var (problem, shape) = (Call)ctx.get_data(nameof(Call));
        List<Tensor> saved = ctx.get_saved_variables();
        AttentionInputs inputs = Inputs(saved);
        ScalarType compute = problem.DType == AttentionDType.Float64 ? ScalarType.Float64 : ScalarType.Float32;
        bool hasMaskGradient = problem.Mask.NeedsGradient;
        Tensor queryGradient = zeros(inputs.Query.shape, compute, inputs.Query.device);
        Tensor keyGradient = zeros(inputs.Key.shape, compute, inputs.Key.device);
        Tensor valueGradient = zeros(inputs.Value.shape, compute, inputs.Value.device);
        Tensor? maskGradient = hasMaskGradient ? zeros(inputs.Mask!.shape, compute, inputs.Mask.device) : null;
        foreach (Slice slice in Slice.Of(problem, shape))
        {
            using var sliceScope = NewDisposeScope();
            if (slice.KeyCount == 0)
            {
                continue; // rows that see no key depend on nothing
            }
            Tensor query = Leaf(SlicedForward.QueryOf(inputs.Query, problem, slice), compute);
            Tensor key = Leaf(SlicedForward.KeysOf(inputs.Key, slice), compute);
            Tensor value = Leaf(SlicedForward.KeysOf(inputs.Value, slice), compute);
            Tensor? mask = SlicedForward.MaskOf(inputs.Mask, problem, slice);
            mask = hasMaskGradient ? Leaf(mask!, compute) : mask?.detach();
            Tensor output = SlicedForward.Attend(problem, slice, query, key, value, mask);
            Tensor outputGradient = SlicedForward.QueryOf(grad_output, problem, slice).to(compute);
            IList<Tensor> leaves = hasMaskGradient ? [query, key, value, mask!] : [query, key, value];
            IList<Tensor> gradients = autograd.grad([output], leaves, [outputGradient]);
            using IDisposable noGradient = no_grad();
            SlicedForward.QueryOf(queryGradient, problem, slice).add_(gradients[0]);
            SlicedForward.KeysOf(keyGradient, slice).add_(gradients[1]);
            SlicedForward.KeysOf(valueGradient, slice).add_(gradients[2]);
            if (maskGradient is not null)
            {
                SlicedForward.MaskOf(maskGradient, problem, slice)!.add_(gradients[3]);
            }
        }
        List<Tensor> results =
        [
            queryGradient.to(inputs.Query.dtype).MoveToOuterDisposeScope(),
            keyGradient.to(inputs.Key.dtype).MoveToOuterDisposeScope(),
            valueGradient.to(inputs.Value.dtype).MoveToOuterDisposeScope(),
        ];
        if (inputs.Mask is not null)
        {
            results.Add(maskGradient?.to(inputs.Mask.dtype).MoveToOuterDisposeScope()!);
        }
        results.Add(null!); // the call
        return results;
    }

    private static AttentionInputs Inputs(List<Tensor> operands) =>
        new(operands[0], operands[1], operands[2], operands.Count > 3 ? operands[3] : null);

    private static Tensor Leaf(Tensor tensor, ScalarType compute) => tensor.detach().to(compute).requires_grad_();
}
