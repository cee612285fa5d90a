using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.Layers;

/// <summary>x Wᵀ + b over the last axis.</summary>
internal sealed class LinearLayer : ModelLayer
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // (out, in)

    [ComponentName(Name = "bias")]
    private readonly Parameter? _bias; // (out), or none

    public LinearLayer(long inFeatures, long outFeatures, ScalarType dtype, Device device, bool hasBias = true)
        : base(nameof(LinearLayer))
    {
        _weight = Allocate(dtype, device, outFeatures, inFeatures);
        _bias = hasBias ? Allocate(dtype, device, outFeatures) : null;
        RegisterComponents();
    }

    /// <summary>(..., in) to (..., out).</summary>
    public override Tensor forward(Tensor input) => nn.functional.linear(input, _weight, _bias);

    public override void Initialize(Generator generator) => InitializeUniform(generator, _weight.shape[1], _weight, _bias);
}
