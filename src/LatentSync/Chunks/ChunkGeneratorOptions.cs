namespace LatentSync.Chunks;

/// <summary>How a chunk of faces is generated.</summary>
public sealed record ChunkGeneratorOptions
{
    /// <summary>Denoising steps, 1..999. Default 20.</summary>
    public int InferenceSteps { get; init; } = 20;

    /// <summary>Classifier-free guidance g: noise = silent + g (speaking - silent). At most 1 switches it off and halves the work. Default
    /// 1.5.</summary>
    public double GuidanceScale { get; init; } = 1.5;

    /// <summary>DeepCache: the whole network at every so many steps only, 2 or more; null (the default) at every step. The original's is
    /// 3.</summary>
    public int? DeepCacheInterval { get; init; }

    /// <summary>Frames per call of the autoencoder, at least 1; fewer need less memory, the numbers stay the same. Default 4.</summary>
    public int AutoencoderFramesPerCall { get; init; } = 4;
}
