using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.Layers;

/// <summary>Two-dimensional convolution with bias, square kernel, zero padding on all sides, one stride or one for each axis.</summary>
internal sealed class Conv2dLayer : ModelLayer
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // (out, in, k, k)

    [ComponentName(Name = "bias")]
    private readonly Parameter _bias; // (out)

    private readonly long _verticalStride;
    private readonly long _horizontalStride;
    private readonly long _padding;

    public Conv2dLayer(
        long inChannels,
        long outChannels,
        long kernelSize,
        ScalarType dtype,
        Device device,
        long stride = 1,
        long padding = 0
    )
        : this(inChannels, outChannels, kernelSize, (stride, stride), dtype, device, padding) { }

    public Conv2dLayer(
        long inChannels,
        long outChannels,
        long kernelSize,
        (long Vertical, long Horizontal) stride,
        ScalarType dtype,
        Device device,
        long padding = 0
    )
        : base(nameof(Conv2dLayer))
    {
        _weight = Allocate(dtype, device, outChannels, inChannels, kernelSize, kernelSize);
        _bias = Allocate(dtype, device, outChannels);
        (_verticalStride, _horizontalStride, _padding) = (stride.Vertical, stride.Horizontal, padding);
        RegisterComponents();
    }

    /// <summary>(B, in, H, W) to (B, out, H', W').</summary>
    public override Tensor forward(Tensor input) =>
        nn.functional.conv2d(input, _weight, _bias, strides: [_verticalStride, _horizontalStride], padding: [_padding, _padding]);

    public override void Initialize(Generator generator) =>
        InitializeUniform(generator, _weight.shape[1] * _weight.shape[2] * _weight.shape[3], _weight, _bias);
}

/// <summary>One-dimensional convolution with bias, zero padding on both sides.</summary>
internal sealed class Conv1dLayer : ModelLayer
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // (out, in, k)

    [ComponentName(Name = "bias")]
    private readonly Parameter _bias; // (out)

    private readonly long _stride;
    private readonly long _padding;

    public Conv1dLayer(
        long inChannels,
        long outChannels,
        long kernelSize,
        ScalarType dtype,
        Device device,
        long stride = 1,
        long padding = 0
    )
        : base(nameof(Conv1dLayer))
    {
        _weight = Allocate(dtype, device, outChannels, inChannels, kernelSize);
        _bias = Allocate(dtype, device, outChannels);
        (_stride, _padding) = (stride, padding);
        RegisterComponents();
    }

    /// <summary>(B, in, L) to (B, out, L').</summary>
    public override Tensor forward(Tensor input) => nn.functional.conv1d(input, _weight, _bias, stride: _stride, padding: _padding);

    public override void Initialize(Generator generator) =>
        InitializeUniform(generator, _weight.shape[1] * _weight.shape[2], _weight, _bias);
}
