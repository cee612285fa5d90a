namespace LatentSync.Media.Video.Probing;

/// <summary>The video track of a file.</summary>
public sealed record VideoStreamInfo
{
    /// <summary>Stream index in the file.</summary>
    public required int StreamIndex { get; init; }

    /// <summary>ffmpeg's name of the codec: "hevc".</summary>
    public required string Codec { get; init; }

    /// <summary>Stored width in pixels, 1..16384.</summary>
    public required int CodedWidth { get; init; }

    /// <summary>Stored height in pixels, 1..16384.</summary>
    public required int CodedHeight { get; init; }

    /// <summary>What makes the stored picture upright.</summary>
    public required FrameOrientation Orientation { get; init; }

    /// <summary>Width of an upright pixel divided by its height; 1 for nearly all videos.</summary>
    public required Rational SampleAspectRatio { get; init; }

    /// <summary>Mean rate: frames by duration; null if unknown.</summary>
    public required Rational? AverageFrameRate { get; init; }

    /// <summary>The lowest rate whose ticks meet all timestamps; null if unknown.</summary>
    public required Rational? BaseFrameRate { get; init; }

    /// <summary>The constant rate at which frames are delivered.</summary>
    public required Rational FrameRate { get; init; }

    /// <summary>Frames do not come evenly, so that some are repeated or dropped to give <see cref="FrameRate"/>.</summary>
    public required bool HasVariableFrameRate { get; init; }

    /// <summary>Stored frames as the container tells; null if it does not.</summary>
    public required long? FrameCount { get; init; }

    /// <summary>Duration of the track; null if unknown.</summary>
    public required TimeSpan? Duration { get; init; }

    /// <summary>How much later than the file's first stream this one begins, by its header.</summary>
    internal TimeSpan StartOffset { get; init; }

    /// <summary>ffmpeg's name: "yuv420p10le".</summary>
    public required string PixelFormat { get; init; }

    /// <summary>Bits per component, 8 when not told.</summary>
    public required int BitDepth { get; init; }

    /// <summary>Fewer than 10 pictures come in a second (a slide show, a time lapse), so that each is held to give <see
    /// cref="FrameRate"/>.</summary>
    public bool HoldsPictures { get; init; }

    /// <summary>The track has room for transparency that can be decoded; its pictures may be opaque all the same.</summary>
    public bool MayBeTransparent { get; init; }

    /// <summary>Decoder to use in place of ffmpeg's own choice; null for that one.</summary>
    internal string? Decoder { get; init; }

    /// <summary>The track says its colour matrix, and one that converts exactly.</summary>
    internal bool IsMatrixTagged { get; init; }

    /// <summary>The track says its colour range.</summary>
    internal bool IsRangeTagged { get; init; }

    /// <summary>Matrix and range, as tagged or assumed.</summary>
    public required VideoColor Color { get; init; }

    /// <summary>Width of the upright picture in pixels: what frames are delivered in.</summary>
    public int Width => Orientation.SwapsSides() ? CodedHeight : CodedWidth;

    /// <summary>Height of the upright picture in pixels.</summary>
    public int Height => Orientation.SwapsSides() ? CodedWidth : CodedHeight;

    /// <summary>Width at which a player shows the picture: <see cref="Width"/> stretched by the pixel aspect ratio, rounded.</summary>
    public int DisplayWidth => (int)Math.Round(Width * SampleAspectRatio.ToDouble());

    /// <summary>Height at which a player shows the picture.</summary>
    public int DisplayHeight => Height;

    /// <summary>Frames at <see cref="FrameRate"/> to expect, for progress only; null if the file does not tell. Decoding has the last
    /// word.</summary>
    public long? ExpectedFrames =>
        !HasVariableFrameRate
        && FrameCount is { } count
        && (AverageFrameRate is null || FrameRate.ToDouble() / AverageFrameRate.Value.ToDouble() is > 0.98 and < 1.02)
        && !(FramesByDuration < count - 2) // an edit list hides the others
            ? count
            : FramesByDuration;

    private long? FramesByDuration =>
        Duration is { } duration ? Math.Max(1, (long)Math.Round(duration.TotalSeconds * FrameRate.ToDouble())) : null;
}
