using LatentSync.Attention.Torch.Tensors;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.Layers;

/// <summary>
/// Layer norm of tokens in the model's own dtype: as the original computes it, and half the memory traffic of a detour over float32
/// (libtorch accumulates the statistics of bfloat16 and float16 in float32 anyway).
/// </summary>
internal sealed class TokenNormLayer : ModelLayer
{
    private const double Epsilon = 1e-5;

    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // (C)

    [ComponentName(Name = "bias")]
    private readonly Parameter _bias; // (C)

    public TokenNormLayer(long channels, ScalarType dtype, Device device)
        : base(nameof(TokenNormLayer))
    {
        _weight = Allocate(dtype, device, channels);
        _bias = Allocate(dtype, device, channels);
        RegisterComponents();
    }

    /// <summary>(..., C) to the same shape.</summary>
    public override Tensor forward(Tensor input) => nn.functional.layer_norm(input, _weight.shape, _weight, _bias, Epsilon);

    public override void Initialize(Generator generator)
    {
        _weight.fill_(Scalars.One);
        _bias.fill_(Scalars.Zero);
    }
}
