using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops;

/// <summary>Adam with decoupled weight decay; its moments can be stored, so that a resumed run goes on exactly.</summary>
/// <remarks>Loshchilov and Hutter, arXiv:1711.05101, algorithm 2; PyTorch's order of operations.</remarks>
public sealed class AdamW : IDisposable
{
    private readonly AdamWOptions _options;
    private readonly List<Slot> _slots = [];

    /// <summary>Prepares moments of zero.</summary>
    /// <param name="parameters">What to optimise, by name, in a fixed order.</param>
    /// <param name="options">Betas, epsilon, weight decay.</param>
    public AdamW(IEnumerable<KeyValuePair<string, Parameter>> parameters, AdamWOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        _options = options ?? new AdamWOptions();
        using IDisposable noGrad = no_grad();
        foreach ((string name, Parameter parameter) in parameters)
        {
            _slots.Add(
                new Slot(name, parameter, zeros_like(parameter).DetachFromDisposeScope(), zeros_like(parameter).DetachFromDisposeScope())
            );
        }
    }

    /// <summary>Steps done.</summary>
    public long Steps { get; private set; }

    /// <summary>First and second moment of each parameter, named "m.KEY" and "v.KEY"; the optimizer's own tensors.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> State =>
        _slots.SelectMany(s => new[] { KeyValuePair.Create("m." + s.Name, s.First), KeyValuePair.Create("v." + s.Name, s.Second) });

    /// <summary>Goes on after so many steps; the moments have been filled through <see cref="State"/>.</summary>
    /// <param name="steps">Steps done.</param>
    public void Resume(long steps) => Steps = steps;

    /// <summary>Forgets the gradients.</summary>
    public void ZeroGradients()
    {
        foreach (Slot slot in _slots)
        {
            slot.Parameter.grad = null;
        }
    }

    /// <summary>Euclidean norm of all gradients together; scales them down to <paramref name="most"/> when it is greater.</summary>
    /// <param name="most">Greatest norm to leave; null: only measured.</param>
    /// <returns>The norm before scaling.</returns>
    public double ClipGradients(double? most)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor[] norms = [.. Gradients().Select(g => g.norm().to(ScalarType.Float64))];
        if (norms.Length == 0)
        {
            return 0;
        }
        double norm = stack(norms).norm().item<double>();
        if (most is { } limit && norm > limit)
        {
            Scalar factor = Scalars.Of(limit / (norm + 1e-6));
            foreach (Tensor gradient in Gradients())
            {
                gradient.mul_(factor);
            }
        }
        return norm;
    }

    /// <summary>Changes the parameters by their gradients; those without one stay.</summary>
    /// <param name="learningRate">Step size.</param>
    public void Step(double learningRate)
    {
        Steps++;
        (double beta1, double beta2) = (_options.Beta1, _options.Beta2);
        double bias1 = 1 - Math.Pow(beta1, Steps);
        double bias2 = Math.Sqrt(1 - Math.Pow(beta2, Steps));
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        foreach (Slot slot in _slots)
        {
            if (slot.Parameter.grad is not { } gradient)
            {
                continue;
            }
            slot.Parameter.mul_(Scalars.Of(1 - learningRate * _options.WeightDecay));
            slot.First.mul_(Scalars.Of(beta1)).add_(gradient, Scalars.Of(1 - beta1));
            slot.Second.mul_(Scalars.Of(beta2)).addcmul_(gradient, gradient, Scalars.Of(1 - beta2));
            Tensor divisor = slot.Second.sqrt().div_(Scalars.Of(bias2)).add_(Scalars.Of(_options.Epsilon), Scalars.One);
            slot.Parameter.addcdiv_(slot.First, divisor, Scalars.Of(-learningRate / bias1));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Slot slot in _slots)
        {
            slot.First.Dispose();
            slot.Second.Dispose();
        }
    }

    private IEnumerable<Tensor> Gradients() => _slots.Select(s => s.Parameter.grad).OfType<Tensor>();

    private sealed record Slot(string Name, Parameter Parameter, Tensor First, Tensor Second);
}

/// <summary>Constants of <see cref="AdamW"/>; defaults: the original's training.</summary>
public sealed record AdamWOptions
{
    /// <summary>Decay of the first moment, 0..1. Default 0.9.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, 0..1. Default 0.999.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the divisor. Default 1e-8.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decay of the weights per unit of learning rate. Default 0.01.</summary>
    public double WeightDecay { get; init; } = 0.01;
}
