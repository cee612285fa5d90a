using LatentSync.Models.Layers;
using static TorchSharp.torch;

namespace LatentSync.Models.UNets;

/// <summary>
/// The layout of every activation of the U-Net: (b·f, h, w, C) contiguous, so memory runs batch, frame, row, column, channel.
/// One memory order then serves every operation as a view: the folded picture (b·f, C, h, w) and the video (b, C, f, h, w) in
/// libtorch's channels-last formats, which its convolutions and group norms take and return, and the tokens (b·f, h·w, C) of the
/// transformers. The original rearranges, with a copy, before and after nearly every layer.
/// </summary>
/// <remarks>
/// Measured with 2 threads at (32, C, s, s), float32, 3x3 convolution, channels first / last: C 320, s 32: 648 / 291 ms; C 640,
/// s 16: 319 / 292 ms; C 1280, s 8: 282 / 297 ms. Group norm over 5 axes: equal within noise.
/// </remarks>
internal static class ChannelsLast
{
    /// <summary>(b·f, h, w, C) seen as (b, C, f, h, w).</summary>
    public static Tensor ToVideo(this Tensor hidden, long frames)
    {
        using Tensor unfolded = hidden.view(hidden.shape[0] / frames, frames, hidden.shape[1], hidden.shape[2], hidden.shape[3]); // (b, f, h, w, C)
        return unfolded.permute(0, 4, 1, 2, 3);
    }

    /// <summary>(b, C, f, h, w), any strides, as (b·f, h, w, C) contiguous.</summary>
    public static Tensor FromVideo(Tensor video)
    {
        using Tensor frames = video.permute(0, 2, 3, 4, 1); // (b, f, h, w, C)
        using Tensor contiguous = frames.contiguous();
        return contiguous.view(-1, video.shape[3], video.shape[4], video.shape[1]);
    }

    /// <summary>Convolves each frame: (b·f, h, w, C) to (b·f, h', w', C').</summary>
    public static Tensor Convolve(this Tensor hidden, Conv2dLayer convolution)
    {
        using Tensor pictures = hidden.permute(0, 3, 1, 2); // (b·f, C, h, w)
        using Tensor convolved = convolution.call(pictures); // (b·f, C', h', w')
        using Tensor last = convolved.permute(0, 2, 3, 1);
        return last.contiguous(); // no copy where the kernel kept the format
    }

    /// <summary>Group norm with statistics of each frame by itself.</summary>
    public static Tensor NormalizeFrames(this Tensor hidden, GroupNormLayer norm)
    {
        using Tensor pictures = hidden.permute(0, 3, 1, 2); // (b·f, C, h, w)
        using Tensor normalized = norm.call(pictures);
        using Tensor last = normalized.permute(0, 2, 3, 1);
        return last.contiguous();
    }

    /// <summary>Group norm with statistics over all frames of a chunk.</summary>
    public static Tensor NormalizeChunk(this Tensor hidden, GroupNormLayer norm, long frames)
    {
        using Tensor video = hidden.ToVideo(frames); // (b, C, f, h, w)
        using Tensor normalized = norm.call(video);
        return FromVideo(normalized); // (b·f, h, w, C)
    }

    /// <summary>(b·f, h, w, C) seen as (b·f, h·w, C).</summary>
    public static Tensor ToTokens(this Tensor hidden) => hidden.view(hidden.shape[0], hidden.shape[1] * hidden.shape[2], hidden.shape[3]);

    /// <summary>(b·f, h·w, C) seen as pictures of the size of <paramref name="like"/>.</summary>
    public static Tensor ToPictures(this Tensor tokens, Tensor like) =>
        tokens.view(tokens.shape[0], like.shape[1], like.shape[2], tokens.shape[2]);
}
