namespace LatentSync.Lab.FaultInjection;

/// <summary>Which calls fail, and how; the same for the same seed.</summary>
internal sealed record FaultPlan
{
    /// <summary>Every way to fail that a fallback cures and an exception tells.</summary>
    internal static IReadOnlyList<FaultKind> Curable { get; } = [.. Enum.GetValues<FaultKind>().Where(kind => kind < FaultKind.DeviceLost)];

    /// <summary>Seed of the draws.</summary>
    internal required int Seed { get; init; }

    /// <summary>Part of the calls that fail, 0 to 1. Default 1/3.</summary>
    internal double Rate { get; init; } = 1.0 / 3;

    /// <summary>Ways to fail, drawn evenly. Default: the curable ones.</summary>
    internal IReadOnlyList<FaultKind> Kinds { get; init; } = Curable;

    /// <summary>Calls before the first that may fail. Default 0.</summary>
    internal int SparedCalls { get; init; }

    /// <summary>The fault of a call, null for none, and whether it comes after the kernel has computed. A function of seed and number, so
    /// that threads need no lock and a run can be repeated.</summary>
    /// <param name="call">Number of the call, from 0.</param>
    internal (FaultKind? Kind, bool IsAfter) Draw(long call)
    {
        ulong draw = Mix(Mix((ulong)(uint)Seed) + (ulong)call);
        if (call < SparedCalls || Kinds.Count == 0 || (draw >> 11) * (1.0 / (1UL << 53)) >= Rate)
        {
            return (null, false);
        }
        ulong choice = Mix(draw);
        return (Kinds[(int)(choice % (ulong)Kinds.Count)], (choice >> 40 & 1) == 1);
    }

    /// <summary>SplitMix64's output function.</summary>
    private static ulong Mix(ulong state)
    {
        state += 0x9E3779B97F4A7C15;
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9;
        state = (state ^ state >> 27) * 0x94D049BB133111EB;
        return state ^ state >> 31;
    }
}
