using static TorchSharp.torch;

namespace LatentSync.Models.UNets;

/// <summary>Checks and folds what a forward call is given, so that a mistake is named before it becomes an error deep inside
/// libtorch.</summary>
internal static class UNetInputs
{
    public static void CheckSample(UNet3DConfiguration configuration, Tensor sample)
    {
        long[] shape = sample.shape;
        if (shape.Length != 5 || shape[1] != configuration.InChannels || shape.Any(size => size < 1))
        {
            throw new UNetInputException(
                "sample",
                Shape(sample),
                $"(b, {configuration.InChannels}, f, h, w) is required, nothing of it empty"
            );
        }
        if (configuration.MaximumFrames is { } most && shape[2] > most)
        {
            throw new UNetInputException(
                "sample",
                $"{shape[2]} frames long",
                $"the temporal layers have a table of {most} positions, so at most {most} frames may form a chunk (several chunks run side by side along b)"
            );
        }
    }

    public static void CheckContext(UNet3DConfiguration configuration, Tensor? tokens, long batch, long frames, int zeroItems)
    {
        if (zeroItems < 0 || zeroItems > batch)
        {
            throw new UNetInputException(
                nameof(UNetForwardOptions.ZeroContextItems),
                $"{zeroItems}",
                $"0 to the batch size {batch} is required"
            );
        }
        if (tokens is null || !configuration.AddAudioLayer)
        {
            return;
        }
        long items = batch - zeroItems;
        long[] shape = tokens.shape;
        bool leading = shape.Length switch
        {
            4 => shape[0] == items && shape[1] == frames,
            3 => shape[0] == items * frames,
            _ => false,
        };
        if (!leading || shape[^2] < 1 || shape[^1] != configuration.CrossAttentionDim)
        {
            throw new UNetInputException(
                "encoderHiddenStates",
                Shape(tokens),
                $"audio tokens ({items}, {frames}, S, {configuration.CrossAttentionDim}) or ({items * frames}, S, {configuration.CrossAttentionDim}) are required"
            );
        }
    }

    /// <summary>Timesteps (), (1) or (b) to (b).</summary>
    public static Tensor PerItem(Tensor timesteps, long batch, Device device)
    {
        if (timesteps.dim() > 1 || timesteps.numel() != 1 && timesteps.numel() != batch)
        {
            throw new UNetInputException(
                "timesteps",
                Shape(timesteps),
                $"one timestep for all, () or (1), or one per item, ({batch}), is required"
            );
        }
        return timesteps.to(device).reshape(-1).expand(batch);
    }

    /// <summary>(b, f, S, X) or (b·f, S, X) to (b·f, S, X); null where there is none.</summary>
    public static Tensor? Fold(Tensor? tokens, ScalarType dtype) =>
        tokens is null || tokens.numel() == 0 ? null : tokens.to(dtype).reshape(-1, tokens.shape[^2], tokens.shape[^1]);

    private static string Shape(Tensor tensor) => $"({string.Join(", ", tensor.shape)})";
}
