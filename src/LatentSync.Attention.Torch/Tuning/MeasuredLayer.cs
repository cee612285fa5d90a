using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Torch.Tuning;

/// <summary>One backend in one layer.</summary>
/// <param name="Backend">Backend's name.</param>
/// <param name="Right">Its result was checked and is right.</param>
/// <param name="Milliseconds">Median time of a call; null when it was not timed.</param>
public sealed record MeasuredBackend(string Backend, bool Right, double? Milliseconds);

/// <summary>What a tuning table learns from: the backends of one layer, checked and timed side by side.</summary>
/// <param name="Problem">The layer's problem.</param>
/// <param name="Repeats">How often the network calls it, at least 1.</param>
/// <param name="Results">One entry per backend that ran.</param>
public sealed record MeasuredLayer(AttentionProblem Problem, int Repeats, IReadOnlyList<MeasuredBackend> Results);
