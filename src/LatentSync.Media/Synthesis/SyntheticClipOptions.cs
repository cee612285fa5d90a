namespace LatentSync.Media.Synthesis;

/// <summary>Which clip to make.</summary>
public sealed record SyntheticClipOptions
{
    /// <summary>Seed of everything that has no seed of its own. Default 1.</summary>
    public long Seed { get; init; } = 1;

    /// <summary>Seed of the person; null: from <see cref="Seed"/>.</summary>
    public long? IdentitySeed { get; init; }

    /// <summary>Seed of the voice; null: from <see cref="Seed"/>.</summary>
    public long? VoiceSeed { get; init; }

    /// <summary>Seed of the sentence; null: from <see cref="Seed"/>.</summary>
    public long? SpeechSeed { get; init; }

    /// <summary>Duration in seconds, 0.2..600. Default 3.</summary>
    public double DurationSeconds { get; init; } = 3;

    /// <summary>Width in pixels, 64..4096. Default 512.</summary>
    public int Width { get; init; } = 512;

    /// <summary>Height in pixels, 64..4096. Default 512.</summary>
    public int Height { get; init; } = 512;

    /// <summary>Frames per second, 1..120. Default 25.</summary>
    public double FrameRate { get; init; } = 25;

    /// <summary>Samples per second of the speech, 8000..48000. Default 16000.</summary>
    public int SampleRate { get; init; } = 16000;
}
