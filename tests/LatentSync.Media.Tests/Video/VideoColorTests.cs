using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;
using LatentSync.Media.Video.Writing;

namespace LatentSync.Media.Tests.Video;

public sealed class VideoColorTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Every combination of tags, and what untagged videos are taken for: the stored colour must come out as it went in.</summary>
    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("bt709", "pc", 64, true)]
    [InlineData("bt470bg", "tv", 800, true)]
    [InlineData("smpte240m", "tv", 64, true)]
    [InlineData("fcc", "tv", 64, true)]
    public Task ReadAsync_RarerMatricesAndRanges_GiveTheColoursBack(string matrix, string range, int height, bool tagged) =>
        ReadAsync_StoredWithAMatrixAndRange_GivesTheColoursBack(matrix, range, height, tagged);

    [Theory]
    [InlineData("bt709", "tv", 64, true)]
    [InlineData("smpte170m", "tv", 64, true)]
    [InlineData("smpte170m", "pc", 64, true)]
    [InlineData("bt2020nc", "tv", 64, true)]
    [InlineData("smpte170m", "tv", 64, false)]
    [InlineData("bt709", "tv", 800, false)]
    public async Task ReadAsync_StoredWithAMatrixAndRange_GivesTheColoursBack(string matrix, string range, int height, bool tagged)
    {
        (byte R, byte G, byte B)[] colours =
        [
            (200, 40, 30),
            (20, 180, 60),
            (40, 60, 210),
            (255, 255, 255),
            (0, 0, 0),
            (128, 128, 128),
            (225, 172, 150),
        ];
        string[] tags = tagged ? ["-colorspace", matrix, "-color_range", range] : [];
        var scaler = new VideoColor(matrix, range == "pc", null, null);
        await Ffmpeg.RunAsync(
            colours.Select(c => Solid(64, height, c)),
            [
                "-f",
                "rawvideo",
                "-pixel_format",
                "rgb24",
                "-video_size",
                $"64x{height}",
                "-framerate",
                "25",
                "-i",
                "pipe:0",
                "-vf",
                $"scale=in_range=pc:out_color_matrix={scaler.ScalerMatrix}:out_range={range}:flags=accurate_rnd,format=yuv444p",
                "-c:v",
                "libx264",
                "-qp",
                "0",
                "-preset",
                "ultrafast",
                .. tags,
                _folder["a.mkv"],
            ]
        );
        var reader = await VideoReader.OpenAsync(_folder["a.mkv"], await Ffmpeg.RequireAsync());

        await foreach (VideoFrame frame in reader.ReadAsync())
        {
            (byte r, byte g, byte b) = colours[frame.Index];
            int at = 3 * (32 * 64 + 20);
            Assert.Equal(r, (double)frame.Rgb[at], 2.0);
            Assert.Equal(g, (double)frame.Rgb[at + 1], 2.0);
            Assert.Equal(b, (double)frame.Rgb[at + 2], 2.0);
            frame.Dispose();
        }

        Assert.Equal(colours.Length, reader.TotalFrames);
    }

    /// <summary>Read, written and read again without touching a pixel: nothing but rounding may be lost, in halved chroma too.</summary>
    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("bt709", "pc")]
    [InlineData("smpte170m", "tv")]
    public Task WriteAsync_RarerMatricesAndRanges_ReproduceThePlanes(string matrix, string range) =>
        WriteAsync_FramesAsTheyWereRead_ReproducesThePlanes(matrix, range);

    [Theory]
    [InlineData("bt709", "tv")]
    [InlineData("smpte170m", "pc")]
    public async Task WriteAsync_FramesAsTheyWereRead_ReproducesThePlanes(string matrix, string range)
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        string source = _folder["source.mkv"];

        // Soft colours: every stored triple is a colour that RGB can show.
        await Ffmpeg.RunAsync(
            "-f",
            "lavfi",
            "-i",
            "gradients=s=128x96:r=25:d=0.4:c0=0xC08060:c1=0x6080A0:c2=0x808040:c3=0xA0A0A0:nb_colors=4:seed=5",
            "-vf",
            $"scale=out_color_matrix={new VideoColor(matrix, false, null, null).ScalerMatrix}:out_range={range},format=yuv420p,"
                + "noise=alls=6:allf=t:all_seed=3",
            "-c:v",
            "libx264",
            "-qp",
            "0",
            "-preset",
            "ultrafast",
            "-colorspace",
            matrix,
            "-color_range",
            range,
            source
        );
        var reader = await VideoReader.OpenAsync(source, tools);
        VideoWriterOptions options = VideoWriterOptions.Like(reader, _folder["copy.mkv"], null) with { Crf = 0, Preset = "ultrafast" };
        await using (VideoWriter writer = await VideoWriter.CreateAsync(options, tools))
        {
            await foreach (VideoFrame frame in reader.ReadAsync())
            {
                await writer.WriteAsync(frame);
                frame.Dispose();
            }

            await writer.CompleteAsync();
        }

        byte[] before = await PlanesAsync(source);
        byte[] after = await PlanesAsync(_folder["copy.mkv"]);

        Assert.Equal(before.Length, after.Length);
        double psnr = Psnr(before, after);
        Assert.True(psnr > 50, $"PSNR {psnr:0.0} dB"); // measured: see docs/decisions/0003-frames-and-colour.md
    }

    [Theory]
    [InlineData("yuv420p", false)]
    [InlineData("yuvj420p", false)]
    [InlineData("gray", false)]
    [InlineData("nv12", false)]
    [InlineData("rgb24", true)]
    [InlineData("gbrp10le", true)]
    [InlineData("bgra", true)]
    [InlineData("pal8", true)]
    public void HoldsRgb_PixelFormat_IsRecognised(string format, bool expected) => Assert.Equal(expected, VideoColor.HoldsRgb(format));

    [Fact]
    public void FromTags_MatrixThatCannotBeConverted_IsAssumedWithAWarning()
    {
        var notes = new List<string>();

        var color = VideoColor.FromTags(("ycgco", "tv", "x:y=1", "bt709"), "yuv420p", 1080, notes);

        Assert.Equal(new VideoColor("bt709", false, null, "bt709"), color); // an unknown name never reaches ffmpeg
        Assert.Contains(notes, n => n.Contains("ycgco"));
    }

    private static byte[] Solid(int width, int height, (byte R, byte G, byte B) colour)
    {
        var rgb = new byte[3 * width * height];
        for (int i = 0; i < rgb.Length; i += 3)
        {
            (rgb[i], rgb[i + 1], rgb[i + 2]) = colour;
        }

        return rgb;
    }

    private static Task<byte[]> PlanesAsync(string path) => Ffmpeg.RunAsync([], "-i", path, "-f", "rawvideo", "pipe:1");

    private static double Psnr(byte[] a, byte[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += Math.Pow(a[i] - b[i], 2);
        }

        return sum == 0 ? double.PositiveInfinity : 10 * Math.Log10(255.0 * 255 * a.Length / sum);
    }
}
