using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Tests.Video;

/// <summary>Videos and pictures with alpha: what was removed must not come back.</summary>
[Trait("Category", "Integration")]
public sealed class TransparencyTests : IDisposable
{
    private const int Width = 64;
    private const int Height = 48;

    /// <summary>Bottom half opaque; above, half transparent at the left and wholly at the right.</summary>
    private const string Cut = "format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(gte(Y,24),255,if(gte(X,32),0,128))'";
    private static readonly MatteColour Orange = new(255, 128, 0);
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.mov", "prores_ks", "yuva444p10le", 5)]
    [InlineData("a.webm", "libvpx-vp9", "yuva420p", 5)]
    [InlineData("a.webm", "libvpx", "yuva420p", 5, Traits = ["Category", "Slow"])]
    [InlineData("png.mov", "png", "rgba", 5)]
    [InlineData("a.mov", "qtrle", "argb", 5, Traits = ["Category", "Slow"])]
    [InlineData("a.apng", "apng", "rgba", 5, Traits = ["Category", "Slow"])]
    [InlineData("a.png", "png", "rgba64be", 1)]
    [InlineData("a.webp", "libwebp", "bgra", 1)]
    public async Task ReadAsync_Transparent_ShowsTheMatteAndKeepsOpaquePixels(string name, string encoder, string format, int frames)
    {
        string path = await WriteAsync(name, encoder, frames, "-vf", $"{Cut},format={format}");

        (VideoReader reader, byte[] onOrange, int count) = await ReadAsync(path, Orange);
        (_, byte[] onBlack, _) = await ReadAsync(path, MatteColour.Black);
        byte[] before = await ReadWithoutAlphaAsync(path);

        Assert.Equal(frames, count);
        Assert.Equal("The video has transparent areas, which are filled with the matte colour #ff8000.", Assert.Single(reader.Notes));
        int opaque = 3 * Width * 28; // four lines below the edge, which lossy encoders blur
        Assert.Equal(before[opaque..], onOrange[opaque..]);
        Assert.Equal(before[opaque..], onBlack[opaque..]);
        AssertNear(Orange, Pixel(onOrange, 50, 10));
        AssertNear(MatteColour.Black, Pixel(onBlack, 50, 10));
        (byte r, byte g, byte b) = Pixel(before, 12, 10);
        AssertNear(new((byte)((r + 255) / 2), (byte)((g + 128) / 2), (byte)(b / 2)), Pixel(onOrange, 12, 10));
    }

    [Fact]
    public async Task ReadAsync_TransparentGif_ShowsTheMatte()
    {
        string path = await WriteAsync("a.gif", "gif", 5, "-vf", $"{Cut},split[x][y];[x]palettegen[p];[y][p]paletteuse");

        (VideoReader reader, byte[] rgb, int count) = await ReadAsync(path, Orange);

        Assert.Equal(5, count);
        Assert.False(reader.Media.IsStillImage);
        Assert.Single(reader.Notes);
        Assert.Equal((Orange.Red, Orange.Green, Orange.Blue), Pixel(rgb, 50, 10));
    }

    [Theory]
    [InlineData("a.png", "png", "rgba", true)]
    [InlineData("a.gif", "gif", "rgb8", true)]
    [InlineData("b.png", "png", "rgb24", false)]
    public async Task ReadAsync_OpaquePicture_IsNotSaidToBeTransparent(string name, string encoder, string format, bool mayBe)
    {
        string path = await WriteAsync(name, encoder, 1, "-vf", $"format={format}");

        (VideoReader reader, byte[] rgb, _) = await ReadAsync(path, Orange);

        Assert.Equal(mayBe, reader.Stream.MayBeTransparent);
        Assert.Empty(reader.Notes);
        Assert.Equal(await ReadWithoutAlphaAsync(path), rgb);
    }

    [Fact]
    public async Task ProbeAsync_NoDecoderForTheAlpha_IsSaid()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the stand-in for ffmpeg is a shell script");
        string path = await WriteAsync("a.webm", "libvpx-vp9", 2, "-vf", $"{Cut},format=yuva420p");
        FfmpegTools real = await Ffmpeg.RequireAsync();
        string bin = Directory.CreateDirectory(_folder["bin"]).FullName;
        File.CreateSymbolicLink(Path.Combine(bin, "ffprobe"), real.FfprobePath);
        string script = Path.Combine(bin, "ffmpeg");
        File.WriteAllText(
            script,
            $"#!/bin/sh\ncase \"$*\" in *-decoders*) '{real.FfmpegPath}' \"$@\" | grep -v libvpx;; *) exec '{real.FfmpegPath}' \"$@\";; esac\n"
        );
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        }

        VideoReader reader = await VideoReader.OpenAsync(path, await FfmpegTools.LocateAsync(bin));

        Assert.False(reader.Stream.MayBeTransparent);
        Assert.Contains(reader.Media.Notes, n => n.Contains("libvpx-vp9", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("White", "white")]
    [InlineData("grey", "gray")]
    [InlineData("#FF8000", "#ff8000")]
    [InlineData("#000000", "black")]
    public void TryParse_Colour_IsRead(string text, string expected)
    {
        Assert.True(MatteColour.TryParse(text, out MatteColour colour));
        Assert.Equal(expected, colour.ToString());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("blak")]
    [InlineData("#12345")]
    [InlineData("#1234567")]
    [InlineData("#12 456")]
    [InlineData("#-12345")]
    [InlineData("0x123456")]
    public void TryParse_NoColour_IsRefused(string? text) => Assert.False(MatteColour.TryParse(text, out _));

    [Theory]
    [InlineData("yuva420p", true)]
    [InlineData("gbrap12le", true)]
    [InlineData("ya8", true)]
    [InlineData("pal8", true)]
    [InlineData("abgr", true)]
    [InlineData("yuv420p", false)]
    [InlineData("rgb0", false)]
    [InlineData("gbrp", false)]
    [InlineData("gray", false)]
    public void MayBeIn_PixelFormat_ByItsName(string format, bool expected) => Assert.Equal(expected, AlphaChannel.MayBeIn(format));

    private async Task<string> WriteAsync(string name, string encoder, int frames, params string[] filter)
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        Assert.SkipUnless(tools.Encoders.Contains(encoder), $"this ffmpeg has no encoder {encoder}");
        string path = _folder[name];
        string[] quality = encoder.StartsWith("libvpx", StringComparison.Ordinal) ? ["-auto-alt-ref", "0", "-crf", "4", "-b:v", "2M"] : [];
        await Ffmpeg.RunAsync([
            "-f",
            "lavfi",
            "-i",
            $"smptebars=s={Width}x{Height}:r=25:d=1",
            "-frames:v",
            $"{frames}",
            .. filter,
            "-c:v",
            encoder,
            .. quality,
            path,
        ]);
        return path;
    }

    /// <summary>The first frame, and how many there are.</summary>
    private static async Task<(VideoReader Reader, byte[] Rgb, int Count)> ReadAsync(string path, MatteColour matte)
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        return await ReadAsync(new VideoReader(await MediaProbe.ProbeAsync(path, tools), tools) { Matte = matte });
    }

    private static async Task<byte[]> ReadWithoutAlphaAsync(string path)
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        MediaInfo media = await MediaProbe.ProbeAsync(path, tools);
        return (
            await ReadAsync(
                new VideoReader(media with { Video = media.RequireVideo() with { MayBeTransparent = false, Decoder = null } }, tools)
            )
        ).Rgb;
    }

    private static async Task<(VideoReader Reader, byte[] Rgb, int Count)> ReadAsync(VideoReader reader)
    {
        byte[]? first = null;
        int count = 0;
        await foreach (VideoFrame frame in reader.ReadAsync())
        {
            using (frame)
            {
                first ??= (byte[])frame.Rgb.Clone();
                count++;
            }
        }

        return (reader, first!, count);
    }

    private static (byte Red, byte Green, byte Blue) Pixel(byte[] rgb, int x, int y)
    {
        int at = 3 * ((y * Width) + x);
        return (rgb[at], rgb[at + 1], rgb[at + 2]);
    }

    private static void AssertNear(MatteColour expected, (byte Red, byte Green, byte Blue) actual)
    {
        Assert.InRange(Math.Abs(expected.Red - actual.Red), 0, 6);
        Assert.InRange(Math.Abs(expected.Green - actual.Green), 0, 6);
        Assert.InRange(Math.Abs(expected.Blue - actual.Blue), 0, 6);
    }
}
