namespace LatentSync.Evaluation.Quality;

/// <summary>Energy of the changes from frame to frame in a region: mean squared difference of consecutive pictures.</summary>
internal sealed class FlickerMeter
{
    private readonly bool[] _region;
    private readonly int _pixels;
    private byte[]? _last;
    private double _sum;
    private long _frames;

    /// <summary>Starts without a picture.</summary>
    /// <param name="region">True for the pixels that count.</param>
    public FlickerMeter(bool[] region)
    {
        ArgumentNullException.ThrowIfNull(region);
        _region = region;
        _pixels = region.Count(r => r);
    }

    /// <summary>Mean squared difference of consecutive pictures, per channel and pixel, in squared levels; 0 before the second
    /// picture.</summary>
    public double Mean => _frames == 0 || _pixels == 0 ? 0 : _sum / (3.0 * _pixels * _frames);

    /// <summary>Adds the next picture.</summary>
    /// <param name="rgb">RGB24, one pixel for each entry of the region.</param>
    public void Add(ReadOnlySpan<byte> rgb)
    {
        if (rgb.Length != 3L * _region.Length)
        {
            throw new ArgumentException($"A picture of {rgb.Length} bytes does not fit a region of {_region.Length} pixels.", nameof(rgb));
        }
        if (_last is null)
        {
            _last = rgb.ToArray();
            return;
        }
        long sum = 0;
        for (int i = 0; i < _region.Length; i++)
        {
            for (int c = 3 * i; _region[i] && c < 3 * i + 3; c++)
            {
                int difference = rgb[c] - _last[c];
                sum += difference * difference;
            }
        }
        _sum += sum;
        _frames++;
        rgb.CopyTo(_last);
    }
}
