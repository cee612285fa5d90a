using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Models.Layers;

/// <summary>
/// A layer with parameters that are allocated but not filled: a checkpoint follows at once, so PyTorch's random
/// initialisation (seconds at the real sizes) would be thrown away.
/// </summary>
internal abstract class ModelLayer : nn.Module<Tensor, Tensor>
{
    protected ModelLayer(string name)
        : base(name) { }

    /// <summary>Fills the parameters with PyTorch's default initialisation of this kind of layer.</summary>
    /// <param name="generator">Source of the random numbers, on the parameters' device.</param>
    public abstract void Initialize(Generator generator);

    /// <summary>Fills every layer inside <paramref name="module"/>, in the order of the state dictionary.</summary>
    public static void InitializeAll(nn.Module module, Generator generator)
    {
        using IDisposable noGrad = no_grad();
        foreach (ModelLayer layer in module.modules().OfType<ModelLayer>())
        {
            layer.Initialize(generator);
        }
    }

    /// <summary>An unfilled parameter that no dispose scope of the caller owns.</summary>
    protected static Parameter Allocate(ScalarType dtype, Device device, params ReadOnlySpan<long> shape)
    {
        Parameter parameter = new(empty(shape, dtype, device));
        parameter.DetachFromDisposeScope();
        return parameter;
    }

    /// <summary>
    /// kaiming_uniform(a = sqrt(5)) for the weight and the matching bias rule: both are U(-1/sqrt(fanIn), 1/sqrt(fanIn)),
    /// fanIn = inputs per output element.
    /// </summary>
    protected static void InitializeUniform(Generator generator, long fanIn, Tensor weight, Tensor? bias)
    {
        double bound = 1 / Math.Sqrt(fanIn);
        weight.uniform_(-bound, bound, generator);
        bias?.uniform_(-bound, bound, generator);
    }
}
