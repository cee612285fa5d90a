using static TorchSharp.torch;

namespace LatentSync.Training.Losses;

/// <summary>Decoded frames of several clips as the autoencoder gives them, (b·f, 3, H, W) with the frame fastest, and the forms that losses
/// want.</summary>
internal static class FrameBatch
{
    /// <summary>Rows H/2 to H: chin and mouth of an aligned face.</summary>
    /// <param name="frames">(n, C, H, W). Not modified.</param>
    /// <returns>(n, C, H - H/2, W), a view.</returns>
    public static Tensor LowerHalf(Tensor frames) => frames.narrow(2, frames.shape[2] / 2, frames.shape[2] - frames.shape[2] / 2);

    /// <summary>Square pictures of another side, bicubic without antialiasing, as the original's losses resize.</summary>
    /// <param name="frames">(n, C, H, W). Not modified.</param>
    /// <param name="side">Pixels, at least 1.</param>
    /// <returns>(n, C, side, side); the input itself seen anew where the size is right already.</returns>
    public static Tensor Resize(Tensor frames, long side) =>
        frames.shape[2] == side && frames.shape[3] == side
            ? frames.alias()
            : nn.functional.interpolate(frames, [side, side], mode: InterpolationMode.Bicubic, align_corners: false);

    /// <summary>All frames of a clip one after the other in the channels: channel = frame · C + colour.</summary>
    /// <param name="frames">(b·f, C, H, W), frame fastest. Not modified.</param>
    /// <param name="framesPerClip">f.</param>
    /// <returns>(b, f·C, H, W).</returns>
    /// <exception cref="ArgumentException">f does not divide the frames.</exception>
    public static Tensor StackInChannels(Tensor frames, int framesPerClip)
    {
        RequireClips(frames, framesPerClip);
        return frames.reshape(frames.shape[0] / framesPerClip, framesPerClip * frames.shape[1], frames.shape[2], frames.shape[3]);
    }

    /// <summary>Frames as a video: (b·f, C, H, W), frame fastest, to (b, C, f, H, W).</summary>
    /// <param name="frames">(b·f, C, H, W). Not modified.</param>
    /// <param name="framesPerClip">f.</param>
    /// <returns>A view where the input's strides allow one.</returns>
    /// <exception cref="ArgumentException">f does not divide the frames.</exception>
    public static Tensor ToVideo(Tensor frames, int framesPerClip)
    {
        RequireClips(frames, framesPerClip);
        using Tensor clips = frames.reshape(
            frames.shape[0] / framesPerClip,
            framesPerClip,
            frames.shape[1],
            frames.shape[2],
            frames.shape[3]
        ); // (b, f, C, H, W)
        return clips.transpose(1, 2);
    }

    private static void RequireClips(Tensor frames, int framesPerClip)
    {
        if (frames.dim() != 4 || framesPerClip < 1 || frames.shape[0] % framesPerClip != 0)
        {
            throw new ArgumentException(
                $"The frames are ({string.Join(", ", frames.shape)}); (clips · {framesPerClip}, C, H, W) is required.",
                nameof(frames)
            );
        }
    }
}
