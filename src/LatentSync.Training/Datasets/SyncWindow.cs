using TorchSharp;

namespace LatentSync.Training.Datasets;

/// <summary>Consecutive frames, and the moment whose speech they are shown with: their own, or that of other frames of the same
/// video.</summary>
/// <param name="Clip">The video.</param>
/// <param name="SpeechStart">Frame at which the speech starts.</param>
/// <param name="FrameStart">First frame shown.</param>
/// <param name="FrameCount">Number of frames.</param>
public readonly record struct SyncWindow(FaceClip Clip, int SpeechStart, int FrameStart, int FrameCount)
{
    /// <summary>True when the frames belong to the speech.</summary>
    public bool InSync => SpeechStart == FrameStart;

    /// <summary>What the network is to answer: 1 in sync, 0 not.</summary>
    public float Label => InSync ? 1 : 0;

    /// <summary>The frames shown.</summary>
    /// <param name="device">Where the tensor is to be; null: in main memory.</param>
    /// <returns>(FrameCount, 3, R, R), float32, in [-1, 1]; the caller's to dispose.</returns>
    public torch.Tensor Frames(torch.Device? device = null) => Clip.Frames(FrameStart, FrameCount, device);
}
