using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.UNets;

/// <summary>Sinusoidal positions of the frames: pe[p, 2i] = sin(p · 10000^(-2i/C)), pe[p, 2i+1] = cos(the same).</summary>
/// <remarks>Attention Is All You Need, arXiv:1706.03762, section 3.5. A buffer of the state dictionary, hence in every
/// checkpoint.</remarks>
internal sealed class PositionTable : nn.Module
{
    private const double MaximumPeriod = 10000;

    [ComponentName(Name = "pe")]
    private readonly Tensor _table; // (1, maximumFrames, C)

    public PositionTable(UNetSettings settings, int maximumFrames, int width)
        : base(nameof(PositionTable))
    {
        _table = empty([1, maximumFrames, width], settings.Dtype, settings.Device).DetachFromDisposeScope();
        RegisterComponents();
        Reset();
    }

    /// <summary>Fills the table with the formula's values.</summary>
    public void Reset()
    {
        if (_table.device_type == DeviceType.META)
        {
            return;
        }
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        long width = _table.shape[2];
        Tensor positions = TensorArithmetic.Range(0, _table.shape[1], ScalarType.Float32).unsqueeze(1); // (maximumFrames, 1)
        Tensor channels = TensorArithmetic.Range(0, width, ScalarType.Float32, step: 2); // (C/2)
        Tensor frequencies = channels.Times(-Math.Log(MaximumPeriod) / width).exp(); // (C/2)
        Tensor angles = positions * frequencies; // (maximumFrames, C/2)
        Tensor interleaved = stack([angles.sin(), angles.cos()], -1); // (maximumFrames, C/2, 2)
        Tensor table = get_buffer("pe")!;
        table.copy_(interleaved.view(table.shape));
    }

    /// <summary>tokens + pe for each frame: (b·f, L, C) to the same shape.</summary>
    public Tensor Add(Tensor tokens, long frames)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor rows = get_buffer("pe")!.narrow(1, 0, frames).unsqueeze(2); // (1, f, 1, C)
        Tensor sum = tokens.view(-1, frames, tokens.shape[1], tokens.shape[2]).Plus(rows); // (b, f, L, C)
        return sum.view(tokens.shape).MoveToOuterDisposeScope();
    }
}
