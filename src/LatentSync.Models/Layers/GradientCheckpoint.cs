using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Models.Layers;

/// <summary>A part of a network as a function of tensors.</summary>
/// <param name="inputs">What was given to <see cref="GradientCheckpoint.Run"/>, in its order.</param>
/// <param name="isRepetition">The call comes from the backward pass: nobody is to be told of it, and it must not throw.</param>
/// <returns>The output, new.</returns>
internal delegate Tensor CheckpointedCall(IReadOnlyList<Tensor> inputs, bool isRepetition);

/// <summary>
/// Trades time for memory in training: a part of a network keeps its inputs only, and its activations are computed a second time when the
/// backward pass comes to it.
/// </summary>
/// <remarks>
/// Training Deep Nets with Sublinear Memory Cost, arXiv:1604.06174. Nothing random may happen inside. The forward pass runs without
/// gradients, so attention may choose another backend there than in the repetition; the gradient is that of the repetition. An exception in
/// the repetition ends the process, because it would have to pass through native code. A gradient of a gradient is not available.
/// </remarks>
internal static class GradientCheckpoint
{
    /// <summary>Computes the part; as if called directly where no gradient is recorded.</summary>
    /// <param name="inputs">Every tensor from outside that may need a gradient. Not modified.</param>
    /// <param name="part">Owner of the parameters that the computation uses.</param>
    /// <param name="call">The computation, from the inputs that it is given and the part's parameters alone.</param>
    public static Tensor Run(IReadOnlyList<Tensor> inputs, nn.Module part, CheckpointedCall call)
    {
        if (!is_grad_enabled())
        {
            return call(inputs, false);
        }
        Parameter[] parameters = [.. part.parameters().Where(parameter => parameter.requires_grad)];
        if (parameters.Length == 0 && !inputs.Any(input => input.requires_grad))
        {
            return call(inputs, false);
        }
        // The output has two handles, and beside its node TorchSharp keeps a tensor of its size: all but the result end with this scope.
        using DisposeScope scope = NewDisposeScope();
        CheckpointFunction.Call kept = new(call, inputs.Count, AttentionDispatcher.Current);
        return CheckpointFunction.apply([.. inputs, .. parameters, kept]).MoveToOuterDisposeScope();
    }
}

/// <summary>The node of a checkpointed part in the graph.</summary>
internal sealed class CheckpointFunction : autograd.SingleTensorFunction<CheckpointFunction>
{
    /// <summary>What the tensors do not say.</summary>
    /// <param name="Compute">The computation.</param>
    /// <param name="InputCount">So many of the kept tensors are inputs; the others are parameters.</param>
    /// <param name="Dispatcher">The attention of the forward pass; the backward pass of a GPU has a thread of its own.</param>
    internal sealed record Call(CheckpointedCall Compute, int InputCount, AttentionDispatcher Dispatcher);

    /// <inheritdoc/>
    public override string Name => nameof(CheckpointFunction);

    /// <summary>Forward; autograd is off here.</summary>
    /// <param name="ctx">Keeps inputs and parameters, which it does not copy.</param>
    /// <param name="vars">Inputs, parameters, a <see cref="Call"/>.</param>
    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        Call call = (Call)vars[^1];
        Tensor[] tensors = [.. vars.Take(vars.Length - 1).Cast<Tensor>()];
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([.. tensors]);
        ctx.save_data(nameof(Call), call);
        return call.Compute(tensors[..call.InputCount], false);
    }

    /// <summary>Backward: forward once more, recorded, and its gradients.</summary>
    /// <param name="ctx">What was kept.</param>
    /// <param name="grad_output">Of the output's shape; invalid when nothing depends on the output.</param>
    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        Call call = (Call)ctx.get_data(nameof(Call));
        using DisposeScope scope = NewDisposeScope();
        List<Tensor> saved = ctx.get_saved_variables();
        Tensor?[] results = new Tensor?[saved.Count + 1]; // null for what needs no gradient, and for the call
        if (!grad_output.IsInvalid)
        {
            Tensor[] leaves = [.. saved.Select((tensor, i) => i < call.InputCount ? Leaf(tensor) : tensor)];
            int[] wanted = [.. Enumerable.Range(0, leaves.Length).Where(i => leaves[i].requires_grad)];
            IList<Tensor> gradients = Gradients(call, leaves, wanted, grad_output);
            for (int i = 0; i < wanted.Length; i++)
            {
                results[wanted[i]] = gradients[i].IsInvalid ? null : gradients[i];
            }
            grad_output.Dispose(); // made for this call
        }
        return ReturnedGradients.HandOver(results);
    }

    private static IList<Tensor> Gradients(Call call, Tensor[] leaves, int[] wanted, Tensor outputGradient)
    {
        using IDisposable recording = enable_grad();
        using IDisposable attention = AttentionDispatcher.Use(call.Dispatcher);
        using Tensor output = call.Compute(leaves[..call.InputCount], true);
        return autograd.grad([output], [.. wanted.Select(i => leaves[i])], [outputGradient], allow_unused: true);
    }

    private static Tensor Leaf(Tensor input)
    {
        Tensor leaf = input.detach();
        leaf.requires_grad = input.requires_grad;
        return leaf;
    }
}
