using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops;

/// <summary>Exponential moving average of parameters: smoother than the last step, and what the checkpoint then holds.</summary>
/// <remarks>The decay rises with the steps, min(decay, (1 + n) / (10 + n)), as in diffusers' EMAModel, so that the start is
/// forgotten.</remarks>
internal sealed class Ema : IDisposable
{
    private readonly double _decay;
    private readonly List<(string Name, Parameter Parameter, Tensor Average)> _slots = [];
    private long _updates;

    /// <summary>Starts from the parameters as they are.</summary>
    /// <param name="parameters">By name, in a fixed order.</param>
    /// <param name="decay">Greatest share of the past that stays at each step, 0..1.</param>
    public Ema(IEnumerable<KeyValuePair<string, Parameter>> parameters, double decay)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentOutOfRangeException.ThrowIfNegative(decay);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(decay, 1);
        _decay = decay;
        using IDisposable noGrad = no_grad();
        foreach ((string name, Parameter parameter) in parameters)
        {
            _slots.Add((name, parameter, parameter.detach().clone().DetachFromDisposeScope()));
        }
    }

    /// <summary>The averages, named "ema.KEY"; this object's own tensors.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> State => _slots.Select(s => KeyValuePair.Create("ema." + s.Name, s.Average));

    /// <summary>Goes on after so many updates; the averages have been filled through <see cref="State"/>.</summary>
    /// <param name="updates">Updates done.</param>
    public void Resume(long updates) => _updates = updates;

    /// <summary>Takes the parameters in.</summary>
    public void Update()
    {
        _updates++;
        double decay = Math.Min(_decay, (1.0 + _updates) / (10.0 + _updates));
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        foreach ((_, Parameter parameter, Tensor average) in _slots)
        {
            average.mul_(Scalars.Of(decay)).add_(parameter, Scalars.Of(1 - decay));
        }
    }

    /// <summary>Puts the averages in the parameters' place until the result is disposed.</summary>
    public IDisposable Apply() => new Exchange(this);

    /// <inheritdoc/>
    public void Dispose() => _slots.ForEach(s => s.Average.Dispose());

    private void Swap()
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        foreach ((_, Parameter parameter, Tensor average) in _slots)
        {
            Tensor kept = parameter.detach().clone();
            parameter.copy_(average);
            average.copy_(kept);
        }
    }

    private sealed class Exchange : IDisposable
    {
        private readonly Ema _owner;

        public Exchange(Ema owner)
        {
            _owner = owner;
            owner.Swap();
        }

        public void Dispose() => _owner.Swap();
    }
}
