using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Wording;
using LatentSync.Foundation.Wording;
using LatentSync.Platform.Machines;

namespace LatentSync.Attention.Torch.Tuning;

/// <summary>The order of backends to use on a machine: the measured one where there is one for it, else the built-in one, and
/// why.</summary>
/// <param name="Ranking">The order.</param>
/// <param name="Path">The table's file; null when tables are switched off or there is no cache folder.</param>
/// <param name="Table">The table in use; null for none.</param>
/// <param name="Warning">Why a table that is there is not used; null when it is, or there is none.</param>
public sealed record TunedRanking(BackendRanking Ranking, string? Path, TuningTable? Table, string? Warning)
{
    /// <summary><see cref="Warning"/> in every language.</summary>
    private Finding? WarningWords { get; init; }

    /// <summary>A measured order is used.</summary>
    public bool IsUsed => Table is not null;

    /// <summary>The order for the machine this process runs on. Examines it only when there is a table. Never throws for a bad
    /// one.</summary>
    /// <param name="path">The table's file. null (default): where <c>attention tune</c> writes it.</param>
    public static TunedRanking OfThisMachine(string? path = null)
    {
        path ??= AttentionSettings.ReadTuningPath();
        return File.Exists(path) ? Load(new MachineExaminer().Examine().Machine, path) : BuiltIn(path, null);
    }

    /// <summary>The order for a machine. Never throws for a bad table.</summary>
    /// <param name="machine">The machine as it was detected.</param>
    /// <param name="path">The table's file. null (default): where <c>attention tune</c> writes it.</param>
    public static TunedRanking Load(Machine machine, string? path = null)
    {
        path ??= AttentionSettings.ReadTuningPath();
        if (!File.Exists(path))
        {
            return BuiltIn(path, null);
        }
        try
        {
            TuningTable table = TuningFile.Read(path);
            return table.Machine.Difference(MachineIdentity.Of(machine)) is { } difference
                ? BuiltIn(path, Finding.Of("{0} is not used: it was measured with {1}; ⟦attention tune⟧ measures anew", path, difference))
                : new TunedRanking(table.ToRanking(), path, table, null);
        }
        catch (Exception exception) when (exception is FormatException or IOException or UnauthorizedAccessException)
        {
            return BuiltIn(path, Finding.Of("{0} is not used: {1}; ⟦attention tune⟧ writes it anew", path, exception.Message));
        }
    }

    /// <summary>Adds measurements to the machine's table and writes it. A table of another machine, or a damaged one, is
    /// replaced.</summary>
    /// <param name="machine">The machine as it was detected.</param>
    /// <param name="layers">Checked and timed layers.</param>
    /// <param name="time">The clock; null for the system's.</param>
    /// <param name="path">The table's file. null (default): where it is read from.</param>
    /// <returns>The order that is used from now on.</returns>
    /// <exception cref="InvalidOperationException">Tables are switched off, or there is no folder for one.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be written.</exception>
    public static TunedRanking Save(Machine machine, IEnumerable<MeasuredLayer> layers, TimeProvider? time = null, string? path = null)
    {
        path ??=
            AttentionSettings.ReadTuningPath()
            ?? throw new InvalidOperationException(
                $"There is no place for the tuning table: {AttentionSettings.TuningVariable} is \"off\", or this user has no cache folder."
            );
        TuningTable table = Load(machine, path).Table ?? TuningTable.Empty(MachineIdentity.Of(machine));
        table = table.With(layers, (time ?? TimeProvider.System).GetUtcNow());
        TuningFile.Write(path, table);
        return new TunedRanking(table.ToRanking(), path, table, null);
    }

    /// <summary>One line for a person: which order is used and where it comes from.</summary>
    public string Describe() => Words().In(Language.English);

    /// <summary>The same for one problem, which may be unlike all that were measured, in a language.</summary>
    public string DescribeFor(in AttentionProblem problem, Language language)
    {
        Finding words = Words();
        return (
            IsUsed && Ranking.MeasuredOrderFor(problem) is null
                ? Finding.Of("{0}; none of them is like this one, so the built-in order holds", words)
                : words
        ).In(language);
    }

    private Finding Words() =>
        Table is { } table
            ? Finding.Of(
                "order of backends: measured on {0:yyyy-MM-dd} for {1} classes of problems ({2})",
                table.Entries.Max(entry => entry.Measured),
                table.Entries.Count,
                Path
            )
        : (WarningWords ?? Warning) is not { } warning ? Finding.Of("order of backends: built in (⟦attention tune⟧ measures this machine)")
        : Finding.Of("order of backends: built in. {0}", warning);

    private static TunedRanking BuiltIn(string? path, Finding? warning) =>
        new(BackendRanking.Default, path, null, warning?.In(Language.English)) { WarningWords = warning };
}
