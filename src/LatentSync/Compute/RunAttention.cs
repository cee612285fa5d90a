using LatentSync.Attention.Machines;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Hosting;
using LatentSync.Foundation.Wording;

namespace LatentSync.Compute;

/// <summary>What the attention of a run is built from: a dispatcher of its own, so that calls are counted for the run alone, after the
/// program's.</summary>
/// <param name="Options">Options of the run's dispatcher.</param>
/// <param name="Note">Said in the report when the run departs from the program's policy; null when it does not.</param>
internal sealed record RunAttention(AttentionDispatcherOptions Options, string? Note)
{
    /// <summary>Decides. The run's own policy stands before the program's. The program's is that of the dispatcher that the pipeline was
    /// given, else of the innermost <see cref="AttentionDispatcher.Use"/>, else of <c>AddLatentSyncAttention</c>; else the environment
    /// variable's.</summary>
    /// <param name="asked">Policy of <see cref="SyncOptions.Attention"/>; null for "auto".</param>
    /// <param name="given">The dispatcher that the pipeline was made with; null for none.</param>
    /// <param name="machine">The machine as it was examined.</param>
    /// <param name="tuned">Ranking measured on it.</param>
    /// <exception cref="FormatException">A policy's text cannot be read.</exception>
    internal static RunAttention Choose(Policy? asked, AttentionDispatcher? given, Machine machine, BackendRanking tuned)
    {
        AttentionDispatcherOptions? program = given?.Options ?? AttentionDispatcher.Scoped?.Options ?? HostedAttention.Options(machine);
        AttentionDispatcherOptions options = program ?? new AttentionDispatcherOptions();
        bool departs = asked is not null && program?.Policy is { } wished && !wished.Equals(Policy.Auto) && !wished.Equals(asked);
        return new RunAttention(
            options with
            {
                Machine = options.Machine ?? machine,
                Policy = asked ?? options.Policy,
                Ranking = ReferenceEquals(options.Ranking, BackendRanking.Default) ? tuned : options.Ranking,
            },
            departs
                ? Sentence.Say($"attention: this run asked for \"{asked}\", which replaces the program's policy \"{program!.Policy}\"")
                : null
        );
    }
}
