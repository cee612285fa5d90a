namespace LatentSync.Training.Tests.Losses;

/// <summary>Random weights in the layouts of the networks that judge pictures: VGG-16, LPIPS' linear layers, VideoMAE-v2.</summary>
internal static class PerceptualWeights
{
    /// <summary>Of <see cref="VideoTransformer"/>.</summary>
    public const int Width = 12,
        Hidden = 20,
        Depth = 2,
        Side = 56;

    /// <summary>VGG-16's convolutions by their index, with channels in and out; -1 is a pooling, and a stage ends before it.</summary>
    public static readonly (int Index, int In, int Out)[] VggLayers =
    [
        (0, 3, 64),
        (2, 64, 64),
        (-1, 0, 0),
        (5, 64, 128),
        (7, 128, 128),
        (-1, 0, 0),
        (10, 128, 256),
        (12, 256, 256),
        (14, 256, 256),
        (-1, 0, 0),
        (17, 256, 512),
        (19, 512, 512),
        (21, 512, 512),
        (-1, 0, 0),
        (24, 512, 512),
        (26, 512, 512),
        (28, 512, 512),
        (-1, 0, 0),
    ];

    /// <summary>The real layout of VGG-16, without its classifier.</summary>
    public static RandomWeights Vgg(int seed, double bias)
    {
        RandomWeights weights = new(seed);
        foreach ((int index, int inputs, int outputs) in VggLayers.Where(layer => layer.Index >= 0))
        {
            weights.Add($"features.{index}.weight", Math.Sqrt(6.0 / (9 * inputs)), 0, outputs, inputs, 3, 3);
            weights.Add($"features.{index}.bias", 0.1, bias, outputs);
        }
        return weights;
    }

    /// <summary>LPIPS' five linear layers, positive as the published ones.</summary>
    public static RandomWeights Linear(int seed)
    {
        RandomWeights weights = new(seed);
        long[] channels = [64, 128, 256, 512, 512];
        for (int stage = 0; stage < channels.Length; stage++)
        {
            weights.Add($"lin{stage}.model.1.weight", 0.5, 0.5, 1, channels[stage], 1, 1);
        }
        return weights;
    }

    /// <summary>A narrow VideoMAE-v2, 12 channels and two blocks, with a classifier.</summary>
    public static RandomWeights VideoTransformer(int seed)
    {
        RandomWeights weights = new(seed);
        weights.Add("patch_embed.proj.weight", 0.05, 0, Width, 3, 2, Side, Side).Add("patch_embed.proj.bias", 0.5, 0, Width);
        for (int block = 0; block < Depth; block++)
        {
            string name = $"blocks.{block}.";
            weights.Add(name + "norm1.weight", 0.3, 1, Width).Add(name + "norm1.bias", 0.3, 0, Width);
            weights.Add(name + "attn.q_bias", 0.5, 0, Width).Add(name + "attn.v_bias", 0.5, 0, Width);
            weights.Add(name + "attn.qkv.weight", 0.5, 0, 3 * Width, Width);
            weights.Add(name + "attn.proj.weight", 0.4, 0, Width, Width).Add(name + "attn.proj.bias", 0.3, 0, Width);
            weights.Add(name + "norm2.weight", 0.3, 1, Width).Add(name + "norm2.bias", 0.3, 0, Width);
            weights.Add(name + "mlp.fc1.weight", 0.4, 0, Hidden, Width).Add(name + "mlp.fc1.bias", 0.3, 0, Hidden);
            weights.Add(name + "mlp.fc2.weight", 0.4, 0, Width, Hidden).Add(name + "mlp.fc2.bias", 0.3, 0, Width);
        }
        weights.Add("fc_norm.weight", 0.3, 1, Width).Add("fc_norm.bias", 0.3, 0, Width);
        return weights.Add("head.weight", 0.3, 0, 7, Width).Add("head.bias", 0.3, 0, 7);
    }
}
