using LatentSync.Attention.Torch.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops;

/// <summary>Float32 weights that the optimizer changes, and a copy of lower precision that computes losses and gradients.</summary>
/// <remarks>Micikevicius et al., arXiv:1710.03740, section 3.1 (master weights). With bfloat16, whose exponents are float32's, the loss
/// needs no scaling (section 3.2). Where both are of one type they are one network, and nothing is copied.</remarks>
/// <typeparam name="TNetwork">The network.</typeparam>
internal sealed class MixedPrecision<TNetwork> : IDisposable
    where TNetwork : nn.Module
{
    private readonly List<(Parameter Master, Parameter Copy)> _pairs = [];

    /// <summary>Prepares the copy; the parameters to train must have been chosen.</summary>
    /// <param name="master">Float32; belongs to this object from now on.</param>
    /// <param name="dtype">Of the computation.</param>
    /// <param name="create">Makes a network of the same shape in a dtype; not called for float32.</param>
    public MixedPrecision(TNetwork master, ScalarType dtype, Func<ScalarType, TNetwork> create)
    {
        (Master, DType) = (master, dtype);
        Working = dtype == ScalarType.Float32 ? master : create(dtype);
        if (Working == master)
        {
            return;
        }
        Working.train(master.training);
        Dictionary<string, Parameter> copies = Working.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        foreach ((string name, Parameter parameter) in master.named_parameters())
        {
            copies[name].requires_grad = parameter.requires_grad;
            _pairs.Add((parameter, copies[name]));
        }
    }

    /// <summary>The weights as the optimizer sees them, float32.</summary>
    public TNetwork Master { get; }

    /// <summary>The network to compute with, in <see cref="DType"/>.</summary>
    public TNetwork Working { get; }

    /// <summary>Of the computation.</summary>
    public ScalarType DType { get; }

    /// <summary>Before a batch: rounds the weights to the copy.</summary>
    public void Refresh()
    {
        using IDisposable noGrad = no_grad();
        foreach ((Parameter master, Parameter copy) in _pairs)
        {
            copy.copy_(master);
        }
    }

    /// <summary>After the backward pass: adds the copy's gradients to the weights', in float32, and forgets them.</summary>
    public void CollectGradients()
    {
        using IDisposable noGrad = no_grad();
        foreach ((Parameter master, Parameter copy) in _pairs)
        {
            if (copy.grad is not { } gradient)
            {
                continue;
            }
            Tensor wide = gradient.to(ScalarType.Float32);
            master.grad = master.grad is { } before ? before.add_(wide, Scalars.One) : wide;
            copy.grad = null;
        }
    }

    public void Dispose()
    {
        Master.Dispose();
        if (Working != Master)
        {
            Working.Dispose();
        }
    }
}
