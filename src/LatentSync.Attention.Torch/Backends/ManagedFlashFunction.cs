using LatentSync.Attention.Kernels;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Attention.Torch.Threads;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>The managed kernels in training: keeps operands, result and logsumexp, and computes the weights once more in the backward pass.
/// A gradient of a gradient is not available.</summary>
internal sealed class ManagedFlashFunction : autograd.SingleTensorFunction<ManagedFlashFunction>
{
    /// <summary>What the tensors do not say.</summary>
    internal sealed class Call(AttentionProblem problem, ulong seed)
    {
        internal AttentionProblem Problem => problem;

        internal ulong Seed => seed;

        /// <summary>(B, H, Lq), made by the forward pass.</summary>
        internal Tensor? LogSumExp { get; set; }
    }

    /// <inheritdoc/>
    public override string Name => nameof(ManagedFlashFunction);

    internal static AttentionResult Run(in AttentionProblem problem, in AttentionInputs inputs, ulong seed)
    {
        // TorchSharp's function makes a second handle of the output, and the graph holds output and logsumexp by itself: all but the
        // results end here.
        using DisposeScope scope = NewDisposeScope();
        var call = new Call(problem, seed);
        Tensor output = inputs.Mask is null
            ? apply(inputs.Query, inputs.Key, inputs.Value, call)
            : apply(inputs.Query, inputs.Key, inputs.Value, inputs.Mask, call);
        output = output.MoveToOuterDisposeScope();
        return problem.NeedsLogSumExp ? new AttentionResult(output, call.LogSumExp!.MoveToOuterDisposeScope()) : output;
    }

    /// <summary>Forward; autograd is off here.</summary>
    /// <param name="ctx">Keeps operands, result and logsumexp.</param>
    /// <param name="vars">Query, key, value, a mask if there is one, and a <see cref="Call"/>.</param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var call = (Call)vars[^1];
        List<Tensor> kept = [.. vars.Take(vars.Length - 1).Cast<Tensor>()];
        (Tensor output, Tensor? logSumExp) = ManagedFlashBackend.Attend(
            call.Problem,
            new AttentionInputs(kept[0], kept[1], kept[2], kept.ElementAtOrDefault(3)),
            call.Seed,
            keepsLogSumExp: true
        );
        call.LogSumExp = logSumExp;
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([.. kept, output.detach(), logSumExp!]); // the output itself would refer to this node, and the node to it
        ctx.save_data(nameof(Call), call);
        return output;
    }

    /// <summary>Backward.</summary>
    /// <param name="ctx">What was kept.</param>
    /// <param name="grad_output">(B, H, Lq, Dv), any strides; invalid when nothing depends on the output.</param>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        var call = (Call)ctx.get_data(nameof(Call));
        List<Tensor> kept = ctx.get_saved_variables();
        Tensor? mask = kept.Count > 5 ? kept[3] : null;
        if (grad_output.IsInvalid)
        {
            return ReturnedGradients.HandOver(new Tensor?[kept.Count - 1]); // nothing depends on the output; without output and logsumexp, with the call
        }
        var inputs = new AttentionInputs(kept[0], kept[1], kept[2], mask);
        Tensor output = kept[^2],
            logSumExp = kept[^1];
        Tensor outputGradient = grad_output.dtype == output.dtype ? grad_output : grad_output.to(output.dtype);
        Tensor query = TensorMemory.NewLike(inputs.Query),
            key = TensorMemory.NewLike(inputs.Key),
            value = TensorMemory.NewLike(inputs.Value);
        AttentionDType dtype = call.Problem.DType;
        var gradients = new FlashGradientCall
        {
            Forward = ManagedFlashBackend.CallOf(call.Problem, inputs, output, logSumExp, call.Seed),
            OutputGradient = TensorMemory.Of(outputGradient, dtype),
            QueryGradient = TensorMemory.Of(query, dtype),
            KeyGradient = TensorMemory.Of(key, dtype),
            ValueGradient = TensorMemory.Of(value, dtype),
        };
        FlashKernels.Backward(gradients, TorchTeam.Shared, get_num_threads());
        ManagedFlashBackend.KeepAlive(inputs);
        GC.KeepAlive(outputGradient);
        grad_output.Dispose(); // made for this call
        return ReturnedGradients.HandOver(mask is null ? [query, key, value, null] : [query, key, value, null, null]); // the last is the call
    }
}
