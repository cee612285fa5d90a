using TorchSharp;

namespace LatentSync.Training.Datasets;

/// <summary>Consecutive frames to learn from, and as many frames of the same video, elsewhere, that show how the person looks.</summary>
/// <param name="Clip">The video.</param>
/// <param name="Start">First frame.</param>
/// <param name="ReferenceStart">First frame of the reference, at least <paramref name="FrameCount"/> away.</param>
/// <param name="FrameCount">Frames of each.</param>
internal readonly record struct TrainingWindow(FaceClip Clip, int Start, int ReferenceStart, int FrameCount)
{
    /// <summary>The frames to learn from.</summary>
    /// <param name="device">Where the tensor is to be; null: in main memory.</param>
    /// <returns>(FrameCount, 3, R, R), float32, in [-1, 1]; the caller's to dispose.</returns>
    public torch.Tensor Frames(torch.Device? device = null) => Clip.Frames(Start, FrameCount, device);

    /// <summary>The reference.</summary>
    /// <param name="device">Where the tensor is to be; null: in main memory.</param>
    /// <returns>(FrameCount, 3, R, R), float32, in [-1, 1]; the caller's to dispose.</returns>
    public torch.Tensor ReferenceFrames(torch.Device? device = null) => Clip.Frames(ReferenceStart, FrameCount, device);
}
