using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Workloads;

/// <summary>The attention problems that a program really has, as data: what <c>attention verify</c> checks and times.</summary>
/// <param name="Name">Name on the command line, "latentsync-256".</param>
/// <param name="Summary">What it stands for, in one sentence.</param>
/// <param name="Layers">The problems, the largest part of the program's work first within each network.</param>
public sealed record Workload(string Name, string Summary, IReadOnlyList<WorkloadLayer> Layers);

/// <summary>One problem of a workload.</summary>
/// <param name="Name">Layer and size, "unet.spatial-self.32x32"; unique in the workload.</param>
/// <param name="Problem">The problem, float32 on the CPU; <c>with</c> gives it another element type or device.</param>
/// <param name="Repeats">Calls per <paramref name="Unit"/>, at least 1.</param>
/// <param name="Unit">What <paramref name="Repeats"/> counts in: "step" (of the denoising network), "chunk" (16 frames), "segment" (30 s of
/// speech), "clip" (16 frames with their speech), "token" or "pass" (of a whole model).</param>
public sealed record WorkloadLayer(string Name, AttentionProblem Problem, int Repeats, string Unit);
