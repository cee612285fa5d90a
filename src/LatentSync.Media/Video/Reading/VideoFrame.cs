namespace LatentSync.Media.Video.Reading;

/// <summary>One picture of a video: packed RGB24, row-major, rows without padding, first byte = red of the top-left pixel.</summary>
/// <remarks>Frames from the video reader borrow their array from a pool: dispose them when done, and copy (<see cref="Clone"/>) what is to
/// be kept. Frames made by the caller own theirs, and disposing them does nothing.</remarks>
public sealed class VideoFrame : IDisposable
{
    private readonly FramePool? _pool;
    private byte[]? _rgb;

    /// <summary>Wraps an array that the caller owns.</summary>
    /// <param name="width">Width in pixels, at least 1.</param>
    /// <param name="height">Height in pixels, at least 1.</param>
    /// <param name="rgb">Exactly width x height x 3 bytes. Not copied.</param>
    /// <param name="index">Position in the sequence, counted from 0.</param>
    /// <exception cref="ArgumentException">The array's length does not fit the size.</exception>
    public VideoFrame(int width, int height, byte[] rgb, long index)
        : this(width, height, rgb, index, null) { }

    internal VideoFrame(int width, int height, byte[] rgb, long index, FramePool? pool)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ArgumentNullException.ThrowIfNull(rgb);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        long required = 3L * width * height;
        if (rgb.Length != required)
        {
            throw new ArgumentException(
                $"A {width}x{height} RGB24 frame needs exactly {required} bytes, but the array has {rgb.Length}.",
                nameof(rgb)
            );
        }

        Width = width;
        Height = height;
        Index = index;
        _rgb = rgb;
        _pool = pool;
    }

    /// <summary>Width in pixels.</summary>
    public int Width { get; }

    /// <summary>Height in pixels.</summary>
    public int Height { get; }

    /// <summary>Position in the sequence, counted from 0.</summary>
    public long Index { get; }

    /// <summary>Width x Height x 3 bytes; may be written to (the frame is the reader's gift, not a view of the file).</summary>
    /// <exception cref="ObjectDisposedException">The array went back to its pool.</exception>
    public byte[] Rgb => _rgb ?? throw new ObjectDisposedException(nameof(VideoFrame));

    /// <summary>A copy that owns its pixels.</summary>
    public VideoFrame Clone() => new(Width, Height, (byte[])Rgb.Clone(), Index);

    /// <summary>Gives the array back to the pool it came from, if any; after that <see cref="Rgb"/> throws.</summary>
    public void Dispose()
    {
        if (_pool is null)
        {
            return;
        }

        byte[]? rgb = Interlocked.Exchange(ref _rgb, null);
        if (rgb is not null)
        {
            _pool.Return(rgb);
        }
    }
}
