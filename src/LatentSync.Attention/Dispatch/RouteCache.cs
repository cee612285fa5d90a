using System.Collections.Concurrent;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Dispatch;

/// <summary>Routes by problem. A small table by hash answers for the problems of the moment; behind it is a dictionary of all.
/// Thread-safe: entries are immutable and replaced whole.</summary>
/// <typeparam name="TInputs">The operands.</typeparam>
/// <typeparam name="TOutput">The result.</typeparam>
internal sealed class RouteCache<TInputs, TOutput>
    where TInputs : allows ref struct
{
    /// <summary>Problems kept. A program has tens of them; one that generates text has one per length.</summary>
    private const int Capacity = 4096;

    private const int RecentCount = 256; // a power of two

    private readonly Route<TInputs, TOutput>?[] _recent = new Route<TInputs, TOutput>?[RecentCount];
    private readonly ConcurrentDictionary<AttentionProblem, Route<TInputs, TOutput>> _all = new(ProblemKey.Comparer);
    private int _sets; // since the last clearing; a problem whose plan changes counts again

    /// <summary>The route of a problem; null when none is known or the known one no longer holds.</summary>
    internal Route<TInputs, TOutput>? Find(in AttentionProblem problem, int quarantineVersion, Func<AttentionDevice, long?> freeMemory)
    {
        ref Route<TInputs, TOutput>? recent = ref _recent[ProblemKey.Hash(problem) & (RecentCount - 1)];
        Route<TInputs, TOutput>? route = Volatile.Read(ref recent);
        if (route is null || !ProblemKey.AreEqual(route.Problem, problem))
        {
            if (!_all.TryGetValue(problem, out route))
            {
                return null;
            }
            Volatile.Write(ref recent, route);
        }
        return route.Holds(quarantineVersion, freeMemory) ? route : null;
    }

    internal void Set(Route<TInputs, TOutput> route)
    {
        if (Interlocked.Increment(ref _sets) >= Capacity) // the dictionary's own count would take all its locks
        {
            Volatile.Write(ref _sets, 0);
            _all.Clear();
        }
        _all[route.Problem] = route;
        Volatile.Write(ref _recent[ProblemKey.Hash(route.Problem) & (RecentCount - 1)], route);
    }
}
