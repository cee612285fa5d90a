using LatentSync.Attention.Kernels;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Threads;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>FlashAttention-2 in C# on the tensors' own memory: operands of any strides are read where they lie, and the result follows the
/// query's order in memory, which is what the output projection reads.</summary>
public sealed class ManagedFlashBackend : IAttentionBackend
{
    /// <inheritdoc/>
    public string Name => AttentionBackendNames.ManagedFlash;

    /// <inheritdoc/>
    public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs)
    {
        if (problem.Device.Kind != AttentionDeviceKind.Cpu)
        {
            throw new InvalidOperationException($"{Name} was called against its rules: {problem.Describe()}.");
        }
        using IDisposable noGradient = no_grad();
        Tensor output = NewOutput(problem, inputs.Query.dtype);
        Tensor? logSumExp = problem.NeedsLogSumExp
            ? empty([problem.Batch, problem.HeadCount, problem.QueryLength], problem.DType == AttentionDType.Float64 ? ScalarType.Float64 : ScalarType.Float32)
            : null;
        FlashCall call = Call(problem, inputs, output, logSumExp);
        FlashKernels.Forward(call, TorchTeam.Shared, get_num_threads());
        GC.KeepAlive(inputs.Query);
        GC.KeepAlive(inputs.Key);
        GC.KeepAlive(inputs.Value);
        GC.KeepAlive(inputs.Mask);
        return new AttentionResult(output, logSumExp);
    }

    private static unsafe FlashCall Call(in AttentionProblem problem, AttentionInputs inputs, Tensor output, Tensor? logSumExp) =>
        new()
        {
            Problem = problem,
            Query = Operand(inputs.Query, problem.DType),
            Key = Operand(inputs.Key, problem.DType),
            Value = Operand(inputs.Value, problem.DType),
            Output = Operand(output, problem.DType),
            Mask = inputs.Mask is null ? default : Mask(inputs.Mask, problem.Mask),
            LogSumExp = logSumExp is null ? null : (void*)Address(logSumExp),
        };

    private static FlashOperand Operand(Tensor tensor, AttentionDType dtype) =>
        new(Address(tensor), dtype, (nint)tensor.stride(0), (nint)tensor.stride(1), (nint)tensor.stride(2), (nint)tensor.stride(3));

    private static FlashMask Mask(Tensor mask, AttentionMask facts) =>
        new(Address(mask), facts.Kind, facts.DType, Stride(mask, 0), Stride(mask, 1), Stride(mask, 2), Stride(mask, 3));

    private static nint Stride(Tensor mask, int dimension) => mask.size(dimension) == 1 ? 0 : (nint)mask.stride(dimension);

    private static unsafe nint Address(Tensor tensor) => tensor.numel() == 0 ? 0 : NativeAddress.Of(tensor);

    /// <summary>(B, H, Lq, Dv) in the query's order in memory.</summary>
    private static Tensor NewOutput(in AttentionProblem problem, ScalarType dtype) =>
        problem.QueryLayout == OperandLayout.LengthFirst
            ? empty([problem.Batch, problem.QueryLength, problem.HeadCount, problem.ValueDim], dtype).transpose(1, 2)
            : empty([problem.Batch, problem.HeadCount, problem.QueryLength, problem.ValueDim], dtype);
}
