using LatentSync.Checkpoints;
using static TorchSharp.torch;

namespace LatentSync.Lab.Parity;

/// <summary>
/// Keeps the outputs of a network's inner modules that a fixture recorded under their module path, so that a difference is
/// found where it arises. Recorded outputs may be the leading part of each axis ("first batch item").
/// </summary>
internal sealed class ParityRecorder : IDisposable
{
    private readonly TensorArchive? _recorded;
    private readonly Dictionary<string, Tensor> _outputs = [];
    private readonly List<Action> _removals = [];

    private ParityRecorder(TensorArchive? recorded) => _recorded = recorded;

    /// <summary>Hooks every module of <paramref name="network"/> that the file names; does nothing when there is no such file.</summary>
    public static ParityRecorder Attach(nn.Module network, ParityManifest manifest, string fileName)
    {
        if (!File.Exists(manifest.File(fileName)))
        {
            return new ParityRecorder(null);
        }
        ParityRecorder recorder = new(manifest.OpenArchive(fileName));
        foreach ((string name, nn.Module module) in network.named_modules())
        {
            if (recorder._recorded!.Tensors.ContainsKey(name) && module is nn.Module<Tensor, Tensor> layer)
            {
                var hook = layer.register_forward_hook(
                    (_, _, output) =>
                    {
                        recorder.Keep(name, output);
                        return output;
                    }
                );
                recorder._removals.Add(hook.remove);
            }
        }
        return recorder;
    }

    /// <summary>Stops recording; what was kept stays.</summary>
    public void Detach()
    {
        foreach (Action remove in _removals)
        {
            remove();
        }
        _removals.Clear();
    }

    /// <summary>Compares every recorded module, in the order of names; one that never ran fails.</summary>
    public IEnumerable<ParityComparison> Compare(double atol, double rtol)
    {
        if (_recorded is { Tensors.Count: 0 })
        {
            yield return new ParityComparison(
                Path.GetFileName(_recorded.Path),
                false,
                double.PositiveInfinity,
                "the file is there but records no module"
            );
        }
        foreach (string name in (_recorded?.Tensors.Keys ?? []).Order(StringComparer.Ordinal))
        {
            if (!_outputs.TryGetValue(name, out Tensor? output))
            {
                yield return new ParityComparison(name, false, double.PositiveInfinity, "no module of this name showed an output");
                continue;
            }
            using Tensor expected = ParityTensors.Read(_recorded!, name);
            using Tensor part = LeadingPart(output, expected.shape);
            yield return ParityComparer.Compare(name, part, expected, atol, rtol);
        }
    }

    public void Dispose()
    {
        Detach();
        foreach (Tensor output in _outputs.Values)
        {
            output.Dispose();
        }
        _recorded?.Dispose();
    }

    private void Keep(string name, Tensor output)
    {
        Tensor copy = output.detach().clone().DetachFromDisposeScope();
        if (!_outputs.TryAdd(name, copy))
        {
            copy.Dispose(); // the first run is the recorded one
        }
    }

    private static Tensor LeadingPart(Tensor output, long[] shape)
    {
        if (output.dim() != shape.Length)
        {
            return output.alias();
        }
        Tensor part = output.alias();
        for (int axis = 0; axis < shape.Length; axis++)
        {
            if (shape[axis] < part.shape[axis])
            {
                Tensor narrowed = part.narrow(axis, 0, shape[axis]);
                part.Dispose();
                part = narrowed;
            }
        }
        return part;
    }
}
