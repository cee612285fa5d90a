using static TorchSharp.torch;

namespace LatentSync.Models.Layers;

/// <summary>The non-linearities that a configuration's <c>act_fn</c> can name.</summary>
internal enum ActivationKind
{
    /// <summary>x · sigmoid(x), also called swish.</summary>
    Silu,

    /// <summary>x · Φ(x), by the error function.</summary>
    Gelu,

    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>x · tanh(softplus(x)).</summary>
    Mish,
}

/// <summary>Names and evaluation of <see cref="ActivationKind"/>.</summary>
internal static class ActivationKinds
{
    /// <summary>The names that diffusers accepts, in lower case.</summary>
    public static IReadOnlyDictionary<string, ActivationKind> ByName { get; } =
        new Dictionary<string, ActivationKind>(StringComparer.OrdinalIgnoreCase)
        {
            ["silu"] = ActivationKind.Silu,
            ["swish"] = ActivationKind.Silu,
            ["gelu"] = ActivationKind.Gelu,
            ["relu"] = ActivationKind.Relu,
            ["mish"] = ActivationKind.Mish,
        };

    // TorchSharp's softplus and mish give libtorch two scalars that may be freed meanwhile (see Scalars); here libtorch has them itself.
    private static readonly Lazy<jit.CompilationUnit> SoftplusUnit = new(() =>
        jit.compile("def softplus(input):\n    return torch.softplus(input)\n")
    );

    /// <summary>Applies the function; <paramref name="owned"/> is overwritten and returned, or disposed.</summary>
    public static Tensor ThenActivate(this Tensor owned, ActivationKind kind)
    {
        if (!owned.requires_grad && (kind is ActivationKind.Silu or ActivationKind.Relu))
        {
            return kind is ActivationKind.Silu ? owned.silu_() : owned.relu_();
        }
        return owned.Then(x =>
            kind switch
            {
                ActivationKind.Silu => x.silu(),
                ActivationKind.Gelu => nn.functional.gelu(x),
                ActivationKind.Relu => x.relu(),
                _ => Mish(x),
            }
        );
    }

    private static Tensor Mish(Tensor input)
    {
        using var softplus = (Tensor)SoftplusUnit.Value.invoke("softplus", input);
        using Tensor gate = softplus.tanh();
        return input * gate;
    }
}
