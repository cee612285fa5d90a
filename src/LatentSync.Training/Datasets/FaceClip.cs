using TorchSharp;

namespace LatentSync.Training.Datasets;

/// <summary>A decoded video of one aligned face with its speech: what networks are trained on.</summary>
/// <remarks>Pixels stay as bytes; tensors are made per window. Safe from several threads, since nothing changes.</remarks>
/// <example><code>
/// FaceClip? clip = await library.FindAsync(0);
/// using torch.Tensor frames = clip!.Frames(10, 16);   // (16, 3, 256, 256), -1..1
/// ReadOnlySpan&lt;float&gt; speech = clip.Speech;            // 640 samples per frame
/// </code></example>
public sealed class FaceClip
{
    /// <summary>Frames per second of every clip.</summary>
    public const int FrameRate = 25;

    /// <summary>Samples per second of the speech.</summary>
    public const int SampleRate = 16000;

    /// <summary>Samples per frame.</summary>
    public const int SamplesPerFrame = SampleRate / FrameRate;

    private static readonly float[] Levels = [.. Enumerable.Range(0, 256).Select(u => ((u / 255f) - 0.5f) / 0.5f)];

    private readonly byte[][] _frames;
    private readonly float[] _speech;

    /// <summary>Makes a clip of pixels and sound.</summary>
    /// <param name="path">Where it comes from.</param>
    /// <param name="resolution">Side of every frame in pixels.</param>
    /// <param name="frames">RGB24, resolution x resolution x 3 bytes each, 25 per second. Not copied. Frames beyond the end of the speech
    /// are left out.</param>
    /// <param name="speech">Mono, 16 kHz, from the first frame on. Not copied.</param>
    /// <exception cref="ArgumentException">A frame has another size.</exception>
    public FaceClip(string path, int resolution, IReadOnlyList<byte[]> frames, float[] speech)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentOutOfRangeException.ThrowIfLessThan(resolution, 1);
        ArgumentNullException.ThrowIfNull(frames);
        ArgumentNullException.ThrowIfNull(speech);
        _frames = [.. frames.Take(speech.Length / SamplesPerFrame)];
        int required = 3 * resolution * resolution;
        if (Array.FindIndex(_frames, frame => frame.Length != required) is var wrong and >= 0)
        {
            throw new ArgumentException(
                $"Frame {wrong} of {path} has {_frames[wrong].Length} bytes; {required} are required at {resolution}x{resolution}.",
                nameof(frames)
            );
        }
        Path = path;
        Resolution = resolution;
        _speech = speech;
    }

    /// <summary>Full path of the video.</summary>
    public string Path { get; }

    /// <summary>Width and height of the frames in pixels.</summary>
    public int Resolution { get; }

    /// <summary>Frames that have speech.</summary>
    public int FrameCount => _frames.Length;

    /// <summary>The whole speech, mono, 16 kHz, within -1..1; 640 samples per frame, perhaps some more at the end.</summary>
    public ReadOnlySpan<float> Speech => _speech;

    /// <summary>Memory that pixels and speech take.</summary>
    public long Bytes => ((long)_frames.Length * 3 * Resolution * Resolution) + ((long)_speech.Length * sizeof(float));

    /// <summary>The bytes of a frame, RGB24, row by row. Not to be changed.</summary>
    /// <param name="index">0..<see cref="FrameCount"/> - 1.</param>
    public ReadOnlySpan<byte> Rgb(int index) => _frames[index];

    /// <summary>Frames as the networks take them: planes of red, green, blue, value / 127.5 - 1.</summary>
    /// <param name="start">First frame.</param>
    /// <param name="count">Number of frames, at least 1.</param>
    /// <param name="device">Where the tensor is to be; null: in main memory.</param>
    /// <returns>(count, 3, Resolution, Resolution), float32, in [-1, 1]; the caller's to dispose.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The clip has no such frames.</exception>
    public torch.Tensor Frames(int start, int count, torch.Device? device = null)
    {
        float[] planes = GC.AllocateUninitializedArray<float>(checked(count * 3 * Resolution * Resolution));
        CopyFrames(start, count, planes);
        return torch.tensor(planes, [count, 3, Resolution, Resolution], dtype: torch.float32, device: device);
    }

    /// <summary>As <see cref="Frames"/>, into an array of the caller's.</summary>
    /// <param name="start">First frame.</param>
    /// <param name="count">Number of frames, at least 1.</param>
    /// <param name="planes">(count, 3, Resolution, Resolution), written completely.</param>
    /// <exception cref="ArgumentOutOfRangeException">The clip has no such frames.</exception>
    /// <exception cref="ArgumentException">The destination has another length.</exception>
    public void CopyFrames(int start, int count, Span<float> planes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, FrameCount - start);
        int pixels = Resolution * Resolution;
        if (planes.Length != count * 3 * pixels)
        {
            throw new ArgumentException(
                $"{count} frames of {Resolution}x{Resolution} need {count * 3 * pixels} values, but the destination has {planes.Length}.",
                nameof(planes)
            );
        }
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> rgb = _frames[start + i];
            Span<float> red = planes.Slice(3 * i * pixels, pixels),
                green = planes.Slice(((3 * i) + 1) * pixels, pixels),
                blue = planes.Slice(((3 * i) + 2) * pixels, pixels);
            for (int p = 0, from = 0; p < pixels; p++, from += 3)
            {
                red[p] = Levels[rgb[from]];
                green[p] = Levels[rgb[from + 1]];
                blue[p] = Levels[rgb[from + 2]];
            }
        }
    }

    /// <summary>How the mouth was drawn, for clips of "latentsync synth"; null for others.</summary>
    /// <exception cref="TrainingDataException">The file beside the video is wrong.</exception>
    public ArticulationFile? ReadArticulation() => ArticulationFile.PathFor(Path) is { } path ? ArticulationFile.Load(path) : null;
}
