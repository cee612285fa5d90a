namespace LatentSync;

/// <summary>What a finished run did; the content of `--json`.</summary>
public sealed record SyncReport
{
    /// <summary>The written file.</summary>
    public required string OutputPath { get; init; }

    /// <summary>Frames of the result.</summary>
    public required int Frames { get; init; }

    /// <summary>Frames the network generated (25 per second).</summary>
    public required int NetworkFrames { get; init; }

    /// <summary>Frame rate of the result in frames per second.</summary>
    public required double FrameRate { get; init; }

    /// <summary>Width of the result in pixels.</summary>
    public required int Width { get; init; }

    /// <summary>Height of the result in pixels.</summary>
    public required int Height { get; init; }

    /// <summary>Side of the square face picture that the network works on, in pixels.</summary>
    public required int FaceResolution { get; init; }

    /// <summary>Duration of the result in seconds.</summary>
    public required double DurationSeconds { get; init; }

    /// <summary>How source frames, network frames and output frames map, in one sentence.</summary>
    public required string FrameMapping { get; init; }

    /// <summary>Detector that ran.</summary>
    public required string Detector { get; init; }

    /// <summary>Source frames with a detected face.</summary>
    public required int FacesFound { get; init; }

    /// <summary>Source frames whose landmarks were interpolated over a short gap.</summary>
    public required int FacesInterpolated { get; init; }

    /// <summary>Time ranges of the result that passed through unchanged for want of a face.</summary>
    public required IReadOnlyList<TimeRange> WithoutFace { get; init; }

    /// <summary>Who was seen when in the source; the first is the person whose mouth was generated.</summary>
    public IReadOnlyList<PersonSeen> Persons { get; init; } = [];

    /// <summary>Device of the network.</summary>
    public required string Device { get; init; }

    /// <summary>Element type of the network.</summary>
    public required string DType { get; init; }

    /// <summary>Why that element type.</summary>
    public required string DTypeReason { get; init; }

    /// <summary>Seed that was used.</summary>
    public required long Seed { get; init; }

    /// <summary>Calls per layer class and attention backend: layer, backend, count.</summary>
    public required IReadOnlyList<AttentionUse> Attention { get; init; }

    /// <summary>Seconds spent per stage.</summary>
    public required IReadOnlyDictionary<string, double> StageSeconds { get; init; }

    /// <summary>Mean seconds of one denoising step of a chunk; null when fewer than two ran in a row.</summary>
    public required double? SecondsPerStep { get; init; }

    /// <summary>Seconds in all.</summary>
    public required double TotalSeconds { get; init; }

    /// <summary>Peak resident memory of the process in bytes.</summary>
    public required long PeakMemoryBytes { get; init; }

    /// <summary>Things the user should know: colour range assumed, audio shorter than expected, checkpoint keys that differ.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }
}

/// <summary>One person of the source.</summary>
/// <param name="Label">"A" for the followed one, then by frames.</param>
/// <param name="IsFollowed">The one whose mouth was generated.</param>
/// <param name="Frames">Source frames in which they were seen.</param>
/// <param name="Ranges">When they were seen, in seconds of the source.</param>
public sealed record PersonSeen(string Label, bool IsFollowed, long Frames, IReadOnlyList<TimeRange> Ranges);

/// <summary>A stretch of time.</summary>
/// <param name="StartSeconds">First moment.</param>
/// <param name="EndSeconds">End.</param>
public sealed record TimeRange(double StartSeconds, double EndSeconds);

/// <summary>How often a backend ran for a class of layers.</summary>
/// <param name="Layer">Layer class, for instance "unet.spatial-self".</param>
/// <param name="Backend">Backend's name.</param>
/// <param name="Calls">Number of calls.</param>
public sealed record AttentionUse(string Layer, string Backend, long Calls);
