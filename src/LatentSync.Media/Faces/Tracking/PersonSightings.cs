namespace LatentSync.Media.Faces.Tracking;

/// <summary>The frames in which one person was seen.</summary>
public sealed class PersonSightings
{
    private readonly List<FrameRange> _ranges = [];

    /// <summary>The frames, as ranges in order.</summary>
    public IReadOnlyList<FrameRange> Ranges => _ranges;

    /// <summary>Number of frames.</summary>
    public long Frames => _ranges.Sum(range => range.Count);

    /// <summary>Adds a frame, later than the others.</summary>
    /// <param name="frameIndex">The frame.</param>
    internal void Add(long frameIndex)
    {
        if (_ranges.Count > 0 && frameIndex <= _ranges[^1].Last + 1)
        {
            _ranges[^1] = _ranges[^1] with { Last = Math.Max(frameIndex, _ranges[^1].Last) };
        }
        else
        {
            _ranges.Add(new FrameRange(frameIndex, frameIndex));
        }
    }
}

/// <summary>Frames in a row.</summary>
/// <param name="First">The first.</param>
/// <param name="Last">The last.</param>
public readonly record struct FrameRange(long First, long Last)
{
    /// <summary>Number of frames.</summary>
    public long Count => Last - First + 1;
}
