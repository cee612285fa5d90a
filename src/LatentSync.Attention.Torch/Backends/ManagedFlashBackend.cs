using LatentSync.Attention.Kernels;
using LatentSync.Attention.Kernels.Calls;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Threads;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>FlashAttention-2 in C# on the tensors' own memory: operands of any strides are read where they lie, and the result follows the
/// query's order in memory, which is what the output projection reads. Gradients are the same bits at each run. Dropped weights follow
/// libtorch's default generator (<c>torch.manual_seed</c>).</summary>
public sealed class ManagedFlashBackend : IAttentionBackend
{
    /// <inheritdoc/>
    public string Name => AttentionBackendNames.ManagedFlash;

    /// <inheritdoc/>
    public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs)
    {
        if (problem.Device.Kind != AttentionDeviceKind.Cpu || problem.Mask.NeedsGradient)
        {
            throw new InvalidOperationException($"{Name} was called against its rules: {problem.Describe()}.");
        }
        ulong seed = problem.Dropout > 0 ? DrawSeed() : 0;
        if (problem.NeedsGradient)
        {
            return ManagedFlashFunction.Run(problem, inputs, seed);
        }
        using IDisposable noGradient = no_grad();
        return Attend(problem, inputs, seed, problem.NeedsLogSumExp);
    }

    /// <summary>The forward pass.</summary>
    /// <param name="problem">The problem.</param>
    /// <param name="inputs">Its operands.</param>
    /// <param name="seed">Key of the dropped weights.</param>
    /// <param name="keepsLogSumExp">The logsumexp is wanted.</param>
    internal static AttentionResult Attend(in AttentionProblem problem, in AttentionInputs inputs, ulong seed, bool keepsLogSumExp)
    {
        bool isLengthFirst = problem.QueryLayout == OperandLayout.LengthFirst;
        Tensor output = TensorMemory.New(
            problem.Batch,
            problem.HeadCount,
            problem.QueryLength,
            problem.ValueDim,
            inputs.Query.dtype,
            isLengthFirst
        );
        Tensor? logSumExp = keepsLogSumExp
            ? empty(
                [problem.Batch, problem.HeadCount, problem.QueryLength],
                problem.DType == AttentionDType.Float64 ? ScalarType.Float64 : ScalarType.Float32
            )
            : null;
        FlashKernels.Forward(CallOf(problem, inputs, output, logSumExp, seed), TorchTeam.Shared, get_num_threads());
        KeepAlive(inputs);
        return new AttentionResult(output, logSumExp);
    }

    /// <summary>The kernels' view of a call; it holds while the tensors live.</summary>
    internal static unsafe FlashCall CallOf(
        in AttentionProblem problem,
        in AttentionInputs inputs,
        Tensor output,
        Tensor? logSumExp,
        ulong seed
    ) =>
        new()
        {
            Problem = problem,
            Query = TensorMemory.Of(inputs.Query, problem.DType),
            Key = TensorMemory.Of(inputs.Key, problem.DType),
            Value = TensorMemory.Of(inputs.Value, problem.DType),
            Output = TensorMemory.Of(output, problem.DType),
            Mask = inputs.Mask is null ? default : TensorMemory.OfMask(inputs.Mask, problem.Mask),
            LogSumExp = logSumExp is null ? null : (void*)TensorMemory.Address(logSumExp),
            DropoutSeed = seed,
        };

    /// <summary>The operands must outlive the kernels, which know only their addresses.</summary>
    internal static void KeepAlive(in AttentionInputs inputs)
    {
        GC.KeepAlive(inputs.Query);
        GC.KeepAlive(inputs.Key);
        GC.KeepAlive(inputs.Value);
        GC.KeepAlive(inputs.Mask);
    }

    private static ulong DrawSeed()
    {
        using Tensor drawn = randint(0, long.MaxValue, [1], ScalarType.Int64);
        return (ulong)drawn.item<long>();
    }
}
