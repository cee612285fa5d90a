using System.Globalization;
using LatentSync.Foundation.Faults;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Tests.Video;

/// <summary>Pictures, animations and slide shows are told apart by what is in them.</summary>
[Trait("Category", "Integration")]
public sealed class PictureFormatTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.avif", "libaom-av1")]
    [InlineData("a.jxl", "libjxl")]
    [InlineData("a.webp", "libwebp")]
    [InlineData("a.bmp", "bmp", Traits = ["Category", "Slow"])]
    [InlineData("a.tiff", "tiff", Traits = ["Category", "Slow"])]
    [InlineData("a.jp2", "jpeg2000", Traits = ["Category", "Slow"])]
    [InlineData("a.ppm", "ppm", Traits = ["Category", "Slow"])]
    [InlineData("a.gif", "gif")]
    [InlineData("a.apng", "apng")]
    [InlineData("a.mkv", "libx264")]
    [InlineData("a.mp4", "libx264")]
    public async Task ProbeAsync_OnePicture_IsAStill(string name, string encoder)
    {
        MediaInfo info = await ProbeAsync(await WriteAsync(name, encoder, 25, 1));

        Assert.True(info.IsStillImage);
        Assert.Equal("25/1", info.RequireVideo().FrameRate.ToString());
        Assert.DoesNotContain(info.Notes, n => n.Contains("frames per second", StringComparison.Ordinal));
        Assert.Equal(1, await CountAsync(info));
    }

    [Theory]
    [InlineData("a.avif", "libaom-av1")]
    [InlineData("a.gif", "gif")]
    [InlineData("a.apng", "apng")]
    [InlineData("a.mkv", "libx264")]
    public async Task ProbeAsync_Animation_IsAVideo(string name, string encoder)
    {
        MediaInfo info = await ProbeAsync(await WriteAsync(name, encoder, 25, 4));

        Assert.False(info.IsStillImage);
        Assert.Equal(4, await CountAsync(info));
    }

    [Theory]
    [InlineData("a.mp4", "libx264")]
    [InlineData("a.mkv", "libx264")]
    [InlineData("a.gif", "gif")]
    public async Task ProbeAsync_SlideShow_HoldsEachPictureAndSaysSo(string name, string encoder)
    {
        MediaInfo info = await ProbeAsync(await WriteAsync(name, encoder, 2, 3));

        Assert.False(info.IsStillImage);
        Assert.True(info.RequireVideo().HoldsPictures);
        Assert.Equal("25/1", info.RequireVideo().FrameRate.ToString());
        Assert.Contains(info.Notes, n => n.Contains("only 2 frames per second", StringComparison.Ordinal));
        Assert.InRange(await CountAsync(info), 37, 38); // 1.5 s
    }

    [Fact]
    public async Task ProbeAsync_AnimatedWebP_IsReadOrSaysWhatToConvert()
    {
        string path = await WriteAsync("a.webp", "libwebp_anim", 25, 5);
        MediaException? error = null;
        try
        {
            Assert.False((await ProbeAsync(path)).IsStillImage);
        }
        catch (MediaException e)
        {
            error = e;
        }

        Assert.True(error is null or { Fault: MediaFault.Corrupt, Kind: FaultKind.Input });
        Assert.True(error is null || error.Message.Contains("animated WebP", StringComparison.Ordinal), error?.Message);
    }

    [Theory]
    [InlineData("heic", "HEIC")]
    [InlineData("avif", "AVIF")]
    public async Task ProbeAsync_PictureThatDoesNotDecode_SaysWhatToConvert(string brand, string format)
    {
        string path = _folder["a." + brand];
        File.WriteAllBytes(
            path,
            [0, 0, 0, 16, .. "ftyp"u8, .. System.Text.Encoding.ASCII.GetBytes(brand), 0, 0, 0, 0, 0, 0, 0, 12, .. "free"u8, 1, 2, 3, 4]
        );

        MediaException error = await Assert.ThrowsAnyAsync<MediaException>(() => ProbeAsync(path));

        Assert.Equal(MediaFault.Corrupt, error.Fault);
        Assert.Contains(format, error.Message);
        Assert.Contains("convert it to JPEG or PNG", error.Message);
    }

    [Fact]
    public void RequireWhole_PictureInTiles_IsRefused()
    {
        ProbeStream Tile(int index, int side) =>
            new()
            {
                Index = index,
                CodecType = "video",
                CodecName = "hevc",
                Width = side,
                Height = side,
            };
        var phone = new ProbeFormat { Tags = new Dictionary<string, string> { ["major_brand"] = "heic" } };

        Assert.Throws<MediaException>(() =>
            PictureFormat.RequireWhole("a.heic", new([Tile(0, 512), Tile(1, 512), Tile(2, 512), Tile(3, 320)], phone, null, null))
        );
        PictureFormat.RequireWhole("a.heic", new([Tile(0, 512), Tile(1, 320)], phone, null, null));
    }

    private async Task<string> WriteAsync(string name, string encoder, int rate, int frames)
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        Assert.SkipUnless(tools.Encoders.Contains(encoder), $"this ffmpeg has no encoder {encoder}");
        string path = _folder[name];
        string[] speed = encoder is "libaom-av1" ? ["-cpu-used", "8"] : [];
        string[] format = encoder is "libx264" or "libaom-av1" ? ["-pix_fmt", "yuv420p"] : [];
        string length = ((double)frames / rate).ToString(CultureInfo.InvariantCulture); // "-frames:v" would cut a WebP short
        await Ffmpeg.RunAsync(["-f", "lavfi", "-i", $"testsrc2=s=64x48:r={rate}:d={length}", "-c:v", encoder, .. speed, .. format, path]);
        return path;
    }

    private static async Task<MediaInfo> ProbeAsync(string path) => await MediaProbe.ProbeAsync(path, await Ffmpeg.RequireAsync());

    private static async Task<int> CountAsync(MediaInfo info)
    {
        int count = 0;
        await foreach (VideoFrame frame in new VideoReader(info, await Ffmpeg.RequireAsync()).ReadAsync())
        {
            frame.Dispose();
            count++;
        }

        return count;
    }
}
