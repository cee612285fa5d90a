using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Operands;
using Microsoft.ML.OnnxRuntime;
using static TorchSharp.torch;

namespace LatentSync.Benchmarks.Peers;

/// <summary>ONNX Runtime's CPU MultiHeadAttention on one problem, at its best: operands in the order it wants, (B, L, H·D), laid out before
/// the clock runs; result memory given once (ours and libtorch's kernels allocate theirs in each call).</summary>
internal sealed class OnnxRuntimeAttention : IDisposable
{
    private readonly SessionOptions _options;
    private readonly InferenceSession _session;
    private readonly OrtIoBinding _binding;
    private readonly RunOptions _run = new();
    private readonly List<IDisposable> _kept = [];
    private readonly Tensor _output; // (B·positions, Lq, H, Dv)
    private readonly int _positions;

    /// <summary>Builds the model, opens it and binds the operands.</summary>
    /// <param name="problem">float32, CPU, as many key heads as query heads, no mask, not causal.</param>
    /// <param name="inputs">(B, H, L, dim), any strides; standard order is taken without a copy.</param>
    /// <param name="positions">Heads of the problem that are sequences of their own to the network, as the positions of a temporal layer
    /// are: they go to the batch here, where ONNX Runtime does better than with very many heads. 1 for none.</param>
    /// <param name="threads">Threads of ONNX Runtime.</param>
    internal OnnxRuntimeAttention(in AttentionProblem problem, in AttentionInputs inputs, int positions, int threads)
    {
        int batch = problem.Batch * positions,
            heads = problem.HeadCount / positions;
        _positions = positions;
        _options = new SessionOptions
        {
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        // Its threads wait awake between calls, as they do by default: without that small problems take longer. They would disturb whoever
        // comes next, as libtorch's would disturb them: IdleThreads.
        _options.AddSessionConfigEntry("session.intra_op.allow_spinning", "1");
        byte[] model = MultiHeadAttentionModel.Write(
            batch,
            heads,
            problem.QueryLength,
            problem.KeyLength,
            problem.HeadDim,
            problem.ValueDim,
            problem.Scale
        );
        _session = new InferenceSession(model, _options);
        _binding = _session.CreateIoBinding();
        _binding.BindInput(MultiHeadAttentionModel.Query, Wrap(Operand(inputs.Query)));
        _binding.BindInput(MultiHeadAttentionModel.Key, Wrap(Operand(inputs.Key)));
        _binding.BindInput(MultiHeadAttentionModel.Value, Wrap(Operand(inputs.Value)));
        _output = Keep(zeros([batch, problem.QueryLength, heads, problem.ValueDim]).DetachFromDisposeScope());
        _binding.BindOutput(MultiHeadAttentionModel.Output, Wrap(_output));
    }

    /// <summary>Version of the library.</summary>
    internal static string Version => OrtEnv.Instance().GetVersionString();

    /// <summary>Computes once.</summary>
    internal void Run() => _session.RunWithBinding(_run, _binding);

    /// <summary>The last result, (B, H, Lq, Dv), a view or a copy in the caller's dispose scope.</summary>
    internal Tensor Output()
    {
        long[] s = _output.shape; // (B·positions, Lq, H, Dv)
        return _output
            .view(s[0] / _positions, _positions, s[1], s[2], s[3])
            .permute(0, 2, 1, 3, 4)
            .reshape(s[0] / _positions, s[1], _positions * s[2], s[3])
            .transpose(1, 2);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _binding.Dispose();
        _session.Dispose();
        _options.Dispose();
        _run.Dispose();
        _kept.ForEach(kept => kept.Dispose());
    }

    /// <summary>(B, positions·H, L, dim) to (B·positions, L, H, dim), contiguous.</summary>
    private Tensor Operand(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        long batch = tensor.size(0),
            heads = tensor.size(1) / _positions,
            length = tensor.size(2),
            dim = tensor.size(3);
        Tensor ordered = tensor.transpose(1, 2).reshape(batch, length, _positions, heads, dim).transpose(1, 2).contiguous();
        return Keep(ordered.view(batch * _positions, length, heads, dim).DetachFromDisposeScope());
    }

    // (b, L, H, dim), contiguous, as (b, L, H·dim).
    private OrtValue Wrap(Tensor tensor)
    {
        long[] s = tensor.shape;
        return Keep(
            OrtValue.CreateTensorValueWithData(
                OrtMemoryInfo.DefaultInstance,
                Microsoft.ML.OnnxRuntime.Tensors.TensorElementType.Float,
                [s[0], s[1], s[2] * s[3]],
                TensorMemory.Address(tensor),
                tensor.numel() * sizeof(float)
            )
        );
    }

    private T Keep<T>(T value)
        where T : IDisposable
    {
        _kept.Add(value);
        return value;
    }
}
