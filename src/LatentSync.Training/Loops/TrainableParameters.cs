using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops;

/// <summary>Which parameters of a network a training changes: the original's <c>run.trainable_modules</c>.</summary>
internal static class TrainableParameters
{
    /// <summary>Chooses by parts of names, and freezes the rest.</summary>
    /// <param name="network">The network.</param>
    /// <param name="modules">A parameter is trained when its name contains one of them; empty: all are.</param>
    /// <exception cref="TrainingException">No name contains any of them.</exception>
    public static IReadOnlyList<KeyValuePair<string, Parameter>> Select(nn.Module network, IReadOnlyList<string> modules)
    {
        List<KeyValuePair<string, Parameter>> chosen = [];
        foreach ((string name, Parameter parameter) in network.named_parameters())
        {
            parameter.requires_grad = modules.Count == 0 || modules.Any(m => name.Contains(m, StringComparison.Ordinal));
            if (parameter.requires_grad)
            {
                chosen.Add(KeyValuePair.Create(name, parameter));
            }
        }
        return chosen.Count > 0
            ? chosen
            : throw new TrainingException($"run.trainable_modules ({string.Join(", ", modules)}) matches no parameter of the network.");
    }
}
