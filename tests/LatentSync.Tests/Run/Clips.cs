using System.Globalization;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;
using LatentSync.Media.Video.Writing;
using LatentSync.Testing;

namespace LatentSync.Tests.Run;

/// <summary>Clips and landmarks files for runs of the pipeline, and what is measured on results.</summary>
internal static class Clips
{
    private static readonly Lazy<Task<FfmpegTools?>> Located = new(LocateAsync);

    /// <summary>The face of every clip of <see cref="WriteBarsAsync"/>, in a frame of 160x160: brows and nose.</summary>
    public static AlignmentPoints StillFace { get; } = new(new(66, 62), new(94, 62), new(80, 82));

    public static async Task<FfmpegTools> RequireToolsAsync()
    {
        FfmpegTools? tools = await Located.Value;
        Assert.SkipWhen(tools is null, "ffmpeg is not installed here.");
        return tools!;
    }

    /// <summary>Runs ffmpeg with inputs and output, overwriting, and demands success.</summary>
    public static async Task FfmpegAsync(params string[] arguments)
    {
        FfmpegTools tools = await RequireToolsAsync();
        ProgramRun run = await ProgramRun.RunAsync(
            new ProgramStart(tools.FfmpegPath, ["-v", "error", "-hide_banner", "-nostdin", "-y", .. arguments])
        );
        Assert.True(run.ExitCode == 0, $"ffmpeg {string.Join(' ', arguments)}: {run.Errors}");
    }

    /// <summary>A sine of a given length: speech enough where nobody listens.</summary>
    public static Task WriteToneAsync(string path, double seconds) =>
        FfmpegAsync(
            "-f",
            "lavfi",
            "-i",
            string.Create(CultureInfo.InvariantCulture, $"sine=frequency=220:sample_rate=16000:duration={seconds}"),
            path
        );

    /// <summary>Frames of 160x160 that carry their number as ten bars (bit 0 leftmost) in the top and bottom rows, where no face is
    /// pasted.</summary>
    public static async Task WriteBarsAsync(string path, int frames, Rational rate)
    {
        FfmpegTools tools = await RequireToolsAsync();
        VideoWriterOptions options = new()
        {
            OutputPath = path,
            Width = 160,
            Height = 160,
            FrameRate = rate,
            Color = VideoColor.Assumed(160),
            Crf = 8,
            Preset = "veryfast",
        };
        await using VideoWriter writer = await VideoWriter.CreateAsync(options, tools);
        for (int i = 0; i < frames; i++)
        {
            await writer.WriteAsync(Bars(i));
        }
        await writer.CompleteAsync();
    }

    /// <summary>The numbers of <see cref="WriteBarsAsync"/>.</summary>
    public static int ReadNumber(byte[] rgb)
    {
        int number = 0;
        for (int bit = 0; bit < 10; bit++)
        {
            number |= rgb[3 * ((4 * 160) + (16 * bit) + 8) + 1] >= 128 ? 1 << bit : 0;
        }
        return number;
    }

    /// <summary>A landmarks file with the same face in the given frames.</summary>
    public static string WriteLandmarks(string path, IEnumerable<int> frames, AlignmentPoints? points = null)
    {
        AlignmentPoints face = points ?? StillFace;
        var faces = new Dictionary<long, IReadOnlyList<DetectedFace>>();
        foreach (int frame in frames)
        {
            faces[frame] = [new DetectedFace(FaceProportions.BoxAround(face), 1, face, true)];
        }
        new LandmarksFile(faces).Save(path);
        return path;
    }

    /// <summary>All frames of a video as RGB bytes.</summary>
    public static async Task<List<byte[]>> DecodeAsync(string path)
    {
        VideoReader reader = await VideoReader.OpenAsync(path, await RequireToolsAsync());
        List<byte[]> frames = [];
        await foreach (VideoFrame frame in reader.ReadAsync())
        {
            frames.Add(frame.Rgb[..(3 * frame.Width * frame.Height)].ToArray());
            frame.Dispose();
        }
        return frames;
    }

    /// <summary>Peak signal to noise ratio of a rectangle of two frames in decibels; 99 when they are equal.</summary>
    public static double Psnr(byte[] expected, byte[] actual, int width, (int Left, int Top, int Right, int Bottom) area)
    {
        double sum = 0;
        for (int y = area.Top; y < area.Bottom; y++)
        {
            for (int i = 3 * ((y * width) + area.Left); i < 3 * ((y * width) + area.Right); i++)
            {
                sum += Math.Pow(expected[i] - actual[i], 2);
            }
        }
        double mean = sum / (3.0 * (area.Right - area.Left) * (area.Bottom - area.Top));
        return mean == 0 ? 99 : 10 * Math.Log10(255 * 255 / mean);
    }

    /// <summary>Largest and mean difference of two frames in grey levels.</summary>
    public static (int Largest, double Mean) Difference(byte[] expected, byte[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        int largest = 0;
        double sum = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            int difference = Math.Abs(expected[i] - actual[i]);
            largest = Math.Max(largest, difference);
            sum += difference;
        }
        return (largest, sum / expected.Length);
    }

    private static byte[] Bars(int number)
    {
        byte[] rgb = new byte[160 * 160 * 3];
        for (int y = 0; y < 160; y++)
        {
            for (int x = 0; x < 160; x++)
            {
                bool coded = y is < 8 or >= 152;
                byte value = coded
                    ? (number >> (x / 16) & 1) == 1
                        ? (byte)235
                        : (byte)20
                    : (byte)(60 + ((x + y) / 4));
                rgb.AsSpan(3 * ((y * 160) + x), 3).Fill(value);
            }
        }
        return rgb;
    }

    private static async Task<FfmpegTools?> LocateAsync()
    {
        try
        {
            return await FfmpegTools.LocateAsync();
        }
        catch (FfmpegNotFoundException)
        {
            return null;
        }
    }
}
