using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace LatentSync.Attention.Dispatch;

/// <summary>How often a backend ran for a layer class.</summary>
/// <param name="Layer">Layer class; "(unnamed)" when the caller did not say.</param>
/// <param name="Backend">Backend's name.</param>
/// <param name="Calls">Completed calls.</param>
public sealed record BackendUse(string Layer, string Backend, long Calls);

/// <summary>Counts calls per layer class and backend. Thread-safe; counting does not allocate once a pair is known.</summary>
public sealed class UseCounters
{
    private const string Unnamed = "(unnamed)";
    private readonly ConcurrentDictionary<(string Layer, string Backend), StrongBox<long>> _counts = new();

    /// <summary>Counts one call.</summary>
    /// <param name="layer">Layer class; null when the caller did not say.</param>
    /// <param name="backend">Backend's name.</param>
    public void Count(string? layer, string backend) => Interlocked.Increment(ref CounterOf(layer, backend).Value);

    /// <summary>The counter of a pair, for callers that count it again and again. It stays valid after <see cref="Reset"/>.</summary>
    internal StrongBox<long> CounterOf(string? layer, string backend) =>
        _counts.GetOrAdd((layer ?? Unnamed, backend), static _ => new StrongBox<long>());

    /// <summary>All counts of this moment, by layer, then by backend.</summary>
    public IReadOnlyList<BackendUse> Snapshot() =>
        [
            .. _counts
                .Select(entry => new BackendUse(entry.Key.Layer, entry.Key.Backend, Interlocked.Read(ref entry.Value.Value)))
                .Where(use => use.Calls > 0)
                .OrderBy(use => use.Layer, StringComparer.Ordinal)
                .ThenBy(use => use.Backend, StringComparer.Ordinal),
        ];

    /// <summary>Forgets all counts.</summary>
    public void Reset()
    {
        foreach (StrongBox<long> count in _counts.Values)
        {
            Interlocked.Exchange(ref count.Value, 0);
        }
    }
}
