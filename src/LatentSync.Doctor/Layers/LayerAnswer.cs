using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;

namespace LatentSync.Doctor.Layers;

/// <summary>What runs for one kind of LatentSync's attention layers on a machine.</summary>
/// <param name="Resolution">Pixels of a side of the face, 256 or 512.</param>
/// <param name="Layer">As the workload names it, "unet.spatial-self.32x32".</param>
/// <param name="Plan">Every backend's verdict, and the one that is chosen.</param>
public sealed record LayerAnswer(int Resolution, string Layer, Plan Plan)
{
    /// <summary>The problem, in the element type and on the device that LatentSync would use.</summary>
    public AttentionProblem Problem => Plan.Problem;

    /// <summary>The backend that runs; null when none may.</summary>
    public string? Backend => Plan.Chosen;
}

/// <summary>The answers for all layers, and what they were asked with.</summary>
/// <param name="Device">Where LatentSync would compute by default.</param>
/// <param name="DType">The element type it would use by default; float16 where only that fits.</param>
/// <param name="Answers">One for each kind of layer, 256 pixels before 512.</param>
/// <param name="Memory">What the networks take and what is left for attention, for each resolution.</param>
public sealed record LayerSurvey(
    AttentionDevice Device,
    AttentionDType DType,
    IReadOnlyList<LayerAnswer> Answers,
    IReadOnlyList<NetworkMemory> Memory
)
{
    /// <summary>float32 is the default, but it does not fit at 256 pixels and float16 does: the answers are for <c>--dtype
    /// f16</c>.</summary>
    public bool IsHalfAdvised { get; init; }

    /// <summary>The smaller network fits in the device's memory. Where it does not fit on a GPU, the processor can do the work.</summary>
    public bool FitsDevice => Device.Kind != Attention.Problems.AttentionDeviceKind.Cuda || Memory[0].Fits;
}

/// <summary>Memory of the networks at a resolution, in bytes; estimates.</summary>
/// <param name="Resolution">Pixels of a side.</param>
/// <param name="NeededBytes">Weights of all networks and activations of a chunk of 16 frames with guidance.</param>
/// <param name="AvailableBytes">Memory of the device; null when unknown.</param>
public sealed record NetworkMemory(int Resolution, long NeededBytes, long? AvailableBytes)
{
    /// <summary>False when the networks do not fit; true also when the memory is unknown.</summary>
    public bool Fits => AvailableBytes is not { } available || NeededBytes <= available;
}
