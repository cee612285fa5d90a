using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.Layers;

/// <summary>Group normalisation with an affine map per channel.</summary>
internal sealed class GroupNormLayer : ModelLayer
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // (C)

    [ComponentName(Name = "bias")]
    private readonly Parameter _bias; // (C)

    private readonly long _groups;
    private readonly double _epsilon;

    public GroupNormLayer(long groups, long channels, double epsilon, ScalarType dtype, Device device)
        : base(nameof(GroupNormLayer))
    {
        _weight = Allocate(dtype, device, channels);
        _bias = Allocate(dtype, device, channels);
        (_groups, _epsilon) = (groups, epsilon);
        RegisterComponents();
    }

    /// <summary>(B, C, ...) to the same shape; mean and variance per item and group, over all further axes.</summary>
    public override Tensor forward(Tensor input)
    {
        if (is_grad_enabled() && !input.requires_grad && _weight.requires_grad && input.device_type == DeviceType.CPU)
        {
            // libtorch 2.10's backward pass for channels-last memory writes the gradient of the input also when there is none, and the
            // process ends; that for contiguous memory asks first. It is so in the first trained layer behind frozen ones.
            using Tensor contiguous = input.contiguous();
            return Normalize(contiguous);
        }
        return Normalize(input);
    }

    private Tensor Normalize(Tensor input) => nn.functional.group_norm(input, _groups, _weight, _bias, _epsilon);

    public override void Initialize(Generator generator)
    {
        _weight.fill_(Scalars.One);
        _bias.fill_(Scalars.Zero);
    }
}

/// <summary>Layer normalisation over the last axis, computed in float32 whatever the dtype of the model.</summary>
internal sealed class LayerNormLayer : ModelLayer
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // (C)

    [ComponentName(Name = "bias")]
    private readonly Parameter _bias; // (C)

    private readonly double _epsilon;

    public LayerNormLayer(long channels, ScalarType dtype, Device device, double epsilon = 1e-5)
        : base(nameof(LayerNormLayer))
    {
        _weight = Allocate(dtype, device, channels);
        _bias = Allocate(dtype, device, channels);
        _epsilon = epsilon;
        RegisterComponents();
    }

    /// <summary>(..., C) to the same shape and dtype.</summary>
    public override Tensor forward(Tensor input)
    {
        if (input.dtype is ScalarType.Float32 or ScalarType.Float64)
        {
            return nn.functional.layer_norm(input, _weight.shape, _weight, _bias, _epsilon);
        }
        using DisposeScope scope = NewDisposeScope();
        Tensor weight = _weight.to(ScalarType.Float32);
        Tensor bias = _bias.to(ScalarType.Float32);
        Tensor normalized = nn.functional.layer_norm(input.to(ScalarType.Float32), _weight.shape, weight, bias, _epsilon);
        return normalized.to(input.dtype).MoveToOuterDisposeScope();
    }

    public override void Initialize(Generator generator)
    {
        _weight.fill_(Scalars.One);
        _bias.fill_(Scalars.Zero);
    }
}
