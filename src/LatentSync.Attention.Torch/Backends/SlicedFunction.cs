using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Tensors;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>Sliced attention for training: keeps only its operands, and computes each slice a second time in the backward pass, so that
/// memory stays bounded by a slice. A gradient of a gradient is not available.</summary>
internal sealed class SlicedFunction : autograd.SingleTensorFunction<SlicedFunction>
{
    /// <summary>What the tensors do not say.</summary>
    /// <param name="Problem">The problem.</param>
    /// <param name="Shape">How it is cut.</param>
    /// <param name="LogSumExp">(B, H, Lq), filled by the forward pass; null when the problem does not need it.</param>
    internal sealed record Call(AttentionProblem Problem, SliceShape Shape, Tensor? LogSumExp);

    /// <inheritdoc/>
    public override string Name => nameof(SlicedFunction);

    /// <summary>Forward; autograd is off here.</summary>
    /// <param name="ctx">Keeps the operands.</param>
    /// <param name="vars">Query, key, value, a mask if there is one, and a <see cref="Call"/>.</param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var call = (Call)vars[^1];
        List<Tensor> operands = [.. vars.Take(vars.Length - 1).Cast<Tensor>()];
        ctx.set_materialize_grads(false);
        ctx.save_for_backward(operands);
        ctx.save_data(nameof(Call), call);
        return SlicedForward.Run(call.Problem, Inputs(operands), call.Shape, call.LogSumExp);
    }

    /// <summary>Backward: each slice again, differentiated by libtorch.</summary>
    /// <param name="ctx">The kept operands.</param>
    /// <param name="grad_output">(B, H, Lq, Dv); invalid when nothing depends on the output.</param>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        using IDisposable gradient = enable_grad();
        var (given, shape, _) = (Call)ctx.get_data(nameof(Call));
        AttentionProblem problem = given with { NeedsLogSumExp = false };
        List<Tensor> saved = ctx.get_saved_variables();
        if (grad_output.IsInvalid)
        {
            return ReturnedGradients.HandOver(new Tensor?[saved.Count + 1]); // nothing depends on the output; with the call
        }
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
            var gradients = new SlicedGradients(queryGradient, keyGradient, valueGradient, maskGradient);
            Tensor outputGradient = SlicedForward.QueryOf(grad_output, problem, slice).to(compute);
            if (slice.KeyCount > shape.Keys)
            {
                SlicedKeys.Backpropagate(problem, inputs, slice, shape, outputGradient, gradients);
            }
            else
            {
                Backpropagate(problem, inputs, slice, outputGradient, gradients);
            }
        }
        List<Tensor?> results =
        [
            queryGradient.to(inputs.Query.dtype),
            keyGradient.to(inputs.Key.dtype),
            valueGradient.to(inputs.Value.dtype),
        ];
        if (inputs.Mask is not null)
        {
            results.Add(maskGradient?.to(inputs.Mask.dtype));
        }
        results.Add(null); // the call
        grad_output.Dispose(); // made for this call
        return ReturnedGradients.HandOver(results);
    }

    /// <summary>Attention of one slice once more, differentiated by libtorch.</summary>
    private static void Backpropagate(
        in AttentionProblem problem,
        in AttentionInputs inputs,
        in Slice slice,
        Tensor outputGradient,
        SlicedGradients gradients
    )
    {
        ScalarType compute = SlicedForward.ComputeType(problem);
        Tensor query = Leaf(SlicedForward.QueryOf(inputs.Query, problem, slice), compute);
        Tensor key = Leaf(SlicedForward.KeysOf(inputs.Key, slice), compute);
        Tensor value = Leaf(SlicedForward.KeysOf(inputs.Value, slice), compute);
        Tensor? mask = SlicedForward.MaskOf(inputs.Mask, problem, slice);
        mask = gradients.Mask is not null ? Leaf(mask!, compute) : mask?.detach();
        Tensor output = SlicedForward.Attend(problem, slice, query, key, value, mask).Output;
        IList<Tensor> leaves = gradients.Mask is not null ? [query, key, value, mask!] : [query, key, value];
        IList<Tensor> found = autograd.grad([output], leaves, [outputGradient]);
        gradients.Add(problem, slice, found[0], found[1], found[2], found.ElementAtOrDefault(3));
    }

    private static AttentionInputs Inputs(List<Tensor> operands) =>
        new(operands[0], operands[1], operands[2], operands.Count > 3 ? operands[3] : null);

    /// <summary>A tensor that gradients are taken of.</summary>
    internal static Tensor Leaf(Tensor tensor, ScalarType compute) => tensor.detach().to(compute).requires_grad_();
}

/// <summary>Sums of the slices' gradients, in the type of the computation.</summary>
/// <param name="Query">(B, H, Lq, D).</param>
/// <param name="Key">(B, Hkv, Lk, D).</param>
/// <param name="Value">(B, Hkv, Lk, Dv).</param>
/// <param name="Mask">Of the mask's size; null when it needs none.</param>
internal sealed record SlicedGradients(Tensor Query, Tensor Key, Tensor Value, Tensor? Mask)
{
    /// <summary>Adds those of one slice.</summary>
    internal void Add(in AttentionProblem problem, in Slice slice, Tensor query, Tensor key, Tensor value, Tensor? mask)
    {
        using IDisposable noGradient = no_grad();
        SlicedForward.QueryOf(Query, problem, slice).add_(query, Scalars.One);
        SlicedForward.KeysOf(Key, slice).add_(key, Scalars.One);
        SlicedForward.KeysOf(Value, slice).add_(value, Scalars.One);
        if (Mask is not null)
        {
            SlicedForward.MaskOf(Mask, problem, slice)!.add_(mask!, Scalars.One);
        }
    }
}
