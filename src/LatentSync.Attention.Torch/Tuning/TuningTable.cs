using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Torch.Tuning;

/// <summary>Backends of one class of problems as they were measured.</summary>
/// <param name="Class">The class.</param>
/// <param name="Order">Backends that were right in every problem of the class, fastest first.</param>
/// <param name="Milliseconds">Time of each over the class's problems, weighted by how often a workload has them.</param>
/// <param name="Measured">When.</param>
public sealed record TuningEntry(
    MeasuredClass Class,
    IReadOnlyList<string> Order,
    IReadOnlyDictionary<string, double> Milliseconds,
    DateTimeOffset Measured
);

/// <summary>What <c>attention tune</c> found on a machine. Pure data.</summary>
/// <param name="Machine">The machine; the table means nothing on another one.</param>
/// <param name="Entries">One per class, newest first.</param>
public sealed record TuningTable(MachineIdentity Machine, IReadOnlyList<TuningEntry> Entries)
{
    /// <summary>Classes that are kept; the oldest are forgotten first.</summary>
    public const int MostEntries = 1024;

    /// <summary>An empty table.</summary>
    /// <param name="machine">The machine.</param>
    public static TuningTable Empty(MachineIdentity machine) => new(machine, []);

    /// <summary>The ranking it makes.</summary>
    public BackendRanking ToRanking() => BackendRanking.Measured(Entries.ToDictionary(entry => entry.Class, entry => entry.Order));

    /// <summary>The table with new measurements in place of old ones of the same classes.</summary>
    /// <param name="layers">Checked and timed layers.</param>
    /// <param name="now">The time of the measurements.</param>
    public TuningTable With(IEnumerable<MeasuredLayer> layers, DateTimeOffset now)
    {
        TuningEntry[] added =
        [
            .. layers
                .GroupBy(layer => MeasuredClass.Of(layer.Problem))
                .Select(group => EntryOf(group.Key, [.. group], now))
                .Where(entry => entry.Order.Count > 0),
        ];
        HashSet<MeasuredClass> replaced = [.. added.Select(entry => entry.Class)];
        IEnumerable<TuningEntry> kept = Entries.Where(entry => !replaced.Contains(entry.Class));
        return this with { Entries = [.. added.Concat(kept).OrderByDescending(entry => entry.Measured).Take(MostEntries)] };
    }

    /// <summary>Only backends that computed every layer of the class, and computed it right, can be compared.</summary>
    private static TuningEntry EntryOf(MeasuredClass key, MeasuredLayer[] layers, DateTimeOffset now)
    {
        Dictionary<string, double> milliseconds = [];
        foreach (
            string backend in layers.SelectMany(layer => layer.Results.Select(result => result.Backend)).Distinct(StringComparer.Ordinal)
        )
        {
            MeasuredBackend?[] results = [.. layers.Select(layer => layer.Results.FirstOrDefault(result => result.Backend == backend))];
            if (results.All(result => result is { Right: true, Milliseconds: not null }))
            {
                milliseconds[backend] = layers.Zip(results, (layer, result) => layer.Repeats * result!.Milliseconds!.Value).Sum();
            }
        }
        string[] order =
        [
            .. milliseconds.OrderBy(entry => entry.Value).ThenBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => entry.Key),
        ];
        return new TuningEntry(key, order, milliseconds, now);
    }
}
