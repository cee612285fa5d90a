using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.Layers;

/// <summary>GEGLU: (value · gelu(gate)) W2 + b2 with value, gate = x W1 + b1, four times as wide as x.</summary>
/// <remarks>GLU Variants Improve Transformer, arXiv:2002.05202; the gelu is the exact one (error function).</remarks>
internal sealed class FeedForwardNetwork : nn.Module
{
    // Tokens at a time: the widened activations (8 times the width) of one 512 px layer would otherwise be 1.3 GB in float32.
    private const long SliceElements = 1L << 24;

    [ComponentName(Name = "net")]
    private readonly Stages _net;

    public FeedForwardNetwork(int width, ScalarType dtype, Device device)
        : base(nameof(FeedForwardNetwork))
    {
        _net = new Stages(width, dtype, device);
        RegisterComponents();
    }

    /// <summary>(N, L, C), contiguous, to the same shape.</summary>
    public Tensor Forward(Tensor tokens)
    {
        using DisposeScope scope = NewDisposeScope();
        long width = tokens.shape[^1];
        long slice = Math.Max(1, SliceElements / (8 * width));
        Tensor rows = tokens.view(-1, width); // (N·L, C)
        if (rows.shape[0] <= slice || is_grad_enabled())
        {
            return _net.Forward(rows).view(tokens.shape).MoveToOuterDisposeScope();
        }
        Tensor result = empty_like(rows);
        for (long start = 0; start < rows.shape[0]; start += slice)
        {
            using DisposeScope sliceScope = NewDisposeScope();
            long count = Math.Min(slice, rows.shape[0] - start);
            result.narrow(0, start, count).copy_(_net.Forward(rows.narrow(0, start, count)));
        }
        return result.view(tokens.shape).MoveToOuterDisposeScope();
    }

    // Keys "0.proj" and "2"; "1" is the original's dropout.
    private sealed class Stages : nn.Module
    {
        [ComponentName(Name = "0")]
        private readonly Widening _widening;

        [ComponentName(Name = "2")]
        private readonly LinearLayer _output;

        public Stages(int width, ScalarType dtype, Device device)
            : base(nameof(Stages))
        {
            _widening = new Widening(width, dtype, device);
            _output = new LinearLayer(4 * width, width, dtype, device);
            RegisterComponents();
        }

        public Tensor Forward(Tensor rows) => _widening.Forward(rows).Then(_output);
    }

    private sealed class Widening : nn.Module
    {
        [ComponentName(Name = "proj")]
        private readonly LinearLayer _projection;

        public Widening(int width, ScalarType dtype, Device device)
            : base(nameof(Widening))
        {
            _projection = new LinearLayer(width, 8 * width, dtype, device);
            RegisterComponents();
        }

        /// <summary>(N, C) to (N, 4·C).</summary>
        public Tensor Forward(Tensor rows)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor[] halves = _projection.call(rows).chunk(2, -1); // value and gate, each (N, 4·C)
            Tensor gate = nn.functional.gelu(halves[1]);
            Tensor gated = is_grad_enabled() ? halves[0] * gate : gate.mul_(halves[0]);
            return gated.MoveToOuterDisposeScope();
        }
    }
}
