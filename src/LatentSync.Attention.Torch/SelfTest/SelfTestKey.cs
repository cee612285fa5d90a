using System.Globalization;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Torch.SelfTest;

/// <summary>What one self-test speaks for.</summary>
/// <param name="Backend">Backend's name.</param>
/// <param name="Device">Device.</param>
/// <param name="DType">Element type.</param>
/// <param name="HeadDimClass">As in <see cref="ProblemClass"/>.</param>
/// <param name="IsTraining">The gradients were compared too.</param>
internal readonly record struct SelfTestKey(string Backend, AttentionDevice Device, AttentionDType DType, int HeadDimClass, bool IsTraining)
{
    internal static SelfTestKey Of(string backend, in AttentionProblem problem) =>
        new(backend, problem.Device, problem.DType, ProblemClass.Of(problem).HeadDimClass, problem.NeedsGradient);

    /// <summary>"torch-flash cuda:0 f16 64 training": one line of the cache.</summary>
    public override string ToString() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{Backend} {Device} {DType.ShortName()} {HeadDimClass}{(IsTraining ? " training" : "")}"
        );
}
