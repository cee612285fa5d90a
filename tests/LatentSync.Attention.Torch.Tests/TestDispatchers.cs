using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>Dispatchers and fake backends of the tests.</summary>
internal static class TestDispatchers
{
    internal static AttentionDispatcher Requiring(IAttentionBackend backend) =>
        new(new AttentionDispatcherOptions { Policy = Policy.Require(backend.Name), Backends = [backend] });

    internal static IAttentionBackend Create(string name) =>
        name switch
        {
            "managed-flash" => new ManagedFlashBackend(),
            "torch-flash" => new TorchFlashBackend(),
            "torch-flash split at 7" => new TorchFlashBackend(launchLimit: 7),
            "torch-math" => new TorchMathBackend(),
            "sliced" => new SlicedBackend(),
            "sliced in 4 KiB" => new SlicedBackend(4096),
            _ => throw new ArgumentException(name),
        };

    internal static IReadOnlyList<string> Names { get; } =
    ["managed-flash", "torch-flash", "torch-flash split at 7", "torch-math", "sliced", "sliced in 4 KiB"];
}

/// <summary>Throws what the script says at each call (null: runs), under a real backend's name.</summary>
internal sealed class ScriptedBackend(IAttentionBackend inner, Func<int, AttentionProblem, Exception?> script) : IAttentionBackend
{
    private int _calls;

    public int Calls => _calls;

    public string Name => inner.Name;

    public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs) =>
        script(Interlocked.Increment(ref _calls) - 1, problem) is { } exception ? throw exception : inner.Run(problem, inputs);
}

internal sealed class RecordingListener : IAttentionListener
{
    public List<AttentionIncident> Incidents { get; } = [];

    public void OnIncident(AttentionIncident incident)
    {
        lock (Incidents)
        {
            Incidents.Add(incident);
        }
    }
}
