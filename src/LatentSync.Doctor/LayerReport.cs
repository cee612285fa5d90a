using LatentSync.Attention.Problems;
using LatentSync.Doctor.Layers;

namespace LatentSync.Doctor;

/// <summary>One kind of attention layer as the doctor's JSON shows it.</summary>
/// <param name="Resolution">Pixels of a side of the face.</param>
/// <param name="Layer">As the workload names it, "unet.spatial-self.32x32".</param>
/// <param name="Shape">Sizes, as <c>attention verify</c> names them.</param>
/// <param name="DType">"f32".</param>
/// <param name="Device">"cuda:0".</param>
/// <param name="Backend">The backend that runs; null when none does.</param>
/// <param name="Order">What follows it if it fails.</param>
/// <param name="EstimatedBytes">Memory of one call beside its operands, an upper bound; null when no backend runs.</param>
/// <param name="Verdicts">Every backend's answer.</param>
public sealed record LayerReport(
    int Resolution,
    string Layer,
    LayerShape Shape,
    string DType,
    string Device,
    string? Backend,
    IReadOnlyList<string> Order,
    long? EstimatedBytes,
    IReadOnlyList<LayerVerdict> Verdicts
)
{
    internal static LayerReport Of(LayerAnswer answer)
    {
        AttentionProblem problem = answer.Problem;
        return new LayerReport(
            answer.Resolution,
            answer.Layer,
            new LayerShape(
                problem.Batch,
                problem.HeadCount,
                problem.QueryLength,
                problem.KeyLength,
                problem.HeadDim,
                problem.ValueDim,
                problem.KvHeadCount
            ),
            problem.DType.ShortName(),
            problem.Device.ToString(),
            answer.Backend,
            answer.Plan.Order,
            answer.Backend is null ? null : answer.Plan.EstimatedBytes,
            [
                .. answer.Plan.Verdicts.Select(verdict => new LayerVerdict(
                    verdict.Backend,
                    verdict.Runs,
                    BackendStatus.ReasonsOf(verdict),
                    verdict.Runs ? verdict.EstimatedBytes : null
                )),
            ]
        );
    }
}

/// <summary>Sizes of an attention problem.</summary>
/// <param name="B">Batch.</param>
/// <param name="H">Heads.</param>
/// <param name="Lq">Queries.</param>
/// <param name="Lk">Keys.</param>
/// <param name="D">Head dim.</param>
/// <param name="Dv">Value dim.</param>
/// <param name="Hkv">Key heads.</param>
public sealed record LayerShape(int B, int H, int Lq, int Lk, int D, int Dv, int Hkv);

/// <summary>A backend's answer for a layer.</summary>
/// <param name="Backend">Its name.</param>
/// <param name="Runs">It can compute the layer.</param>
/// <param name="Reasons">Every reason why it cannot; empty when it can.</param>
/// <param name="EstimatedBytes">Memory of one call beside its operands, an upper bound; null when it does not run.</param>
public sealed record LayerVerdict(string Backend, bool Runs, IReadOnlyList<BackendReason> Reasons, long? EstimatedBytes);
