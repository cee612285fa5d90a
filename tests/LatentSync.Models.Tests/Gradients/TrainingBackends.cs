using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Backends;

namespace LatentSync.Models.Tests.Gradients;

/// <summary>The attention backends that train on a CPU, one at a time.</summary>
internal static class TrainingBackends
{
    public static TheoryData<string> Names => ["managed-flash", "torch-flash", "torch-math", "sliced"];

    /// <summary>For tests of whole networks: the one that trains by default, the others under --all.</summary>
    public static IEnumerable<TheoryDataRow<string>> OneByDefault =>
        Names.Select(row => row.Data == "managed-flash" ? row : row.WithTrait("Category", "Slow"));

    /// <summary>Makes one backend the only one until the result is disposed.</summary>
    public static IDisposable Use(string name)
    {
        IAttentionBackend backend = name switch
        {
            "managed-flash" => new ManagedFlashBackend(),
            "torch-flash" => new TorchFlashBackend(),
            "torch-math" => new TorchMathBackend(),
            "sliced" => new SlicedBackend(),
            _ => throw new ArgumentException($"There is no backend {name}.", nameof(name)),
        };
        return AttentionDispatcher.Use(
            new AttentionDispatcher(new AttentionDispatcherOptions { Policy = Policy.Require(backend.Name), Backends = [backend] })
        );
    }
}
