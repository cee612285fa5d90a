using System.Diagnostics;
using LatentSync.Foundation.Faults;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Tests.Video;

[Trait("Category", "Integration")]
public sealed class VideoReaderTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("24000/1001", "a.mkv")]
    [InlineData("25", "a.avi")]
    [InlineData("25", "a.h264")]
    [InlineData("30000/1001", "a.mov")]
    [InlineData("30", "a.mp4")]
    [InlineData("50", "a.mkv")]
    public Task ReadAsync_MoreRatesAndContainers_GiveEveryFrameOnceInOrder(string rate, string name) =>
        ReadAsync_AnyRateAndContainer_GivesEveryFrameOnceInOrder(rate, name);

    [Theory]
    [InlineData("25", "a.mp4")]
    [InlineData("25", "a.ts", Traits = ["Category", "Slow"])]
    [InlineData("30000/1001", "a.mkv")]
    [InlineData("60000/1001", "a.mkv", Traits = ["Category", "Slow"])]
    [InlineData("60", "a.mp4")]
    public async Task ReadAsync_AnyRateAndContainer_GivesEveryFrameOnceInOrder(string rate, string name)
    {
        await Ffmpeg.EncodeNumberedAsync(_folder[name], 80, 64, rate, 37, Ffmpeg.Usual);
        VideoReader reader = await OpenAsync(_folder[name]);

        List<int> numbers = await FrameCode.ReadAllAsync(reader.ReadAsync());

        Assert.Equal(Enumerable.Range(0, 37), numbers);
        Assert.Equal(37, reader.TotalFrames);
        Assert.Equal(rate.Contains('/') ? rate : rate + "/1", reader.FrameRate.ToString());
        Assert.Empty(reader.Warnings);
    }

    [Fact]
    public async Task ReadAsync_StartAwayFromZero_BeginsWithTheFirstFrame()
    {
        await Ffmpeg.EncodeNumberedAsync(_folder["silent.mp4"], 80, 64, "25", 20, Ffmpeg.Usual);
        await Ffmpeg.RunAsync(
            "-itsoffset",
            "0.5",
            "-i",
            _folder["silent.mp4"],
            "-f",
            "lavfi",
            "-i",
            "sine=d=2",
            "-map",
            "0:v",
            "-map",
            "1:a",
            "-c:v",
            "copy",
            _folder["late.mkv"]
        );
        VideoReader reader = await OpenAsync(_folder["late.mkv"]);

        Assert.Equal(Enumerable.Range(0, 20), await FrameCode.ReadAllAsync(reader.ReadAsync()));
    }

    [Theory]
    [InlineData(0, 5, 5)]
    [InlineData(11, 13, 13)]
    [InlineData(28, 10, 2)]
    [InlineData(30, 4, 0)]
    [InlineData(3, 0, 0)]
    public async Task ReadRangeAsync_AnyRange_GivesExactlyTheseFrames(int first, int count, int expected)
    {
        await Ffmpeg.EncodeNumberedAsync(_folder["a.mp4"], 80, 64, "30000/1001", 30, Ffmpeg.Usual);
        VideoReader reader = await OpenAsync(_folder["a.mp4"]);

        List<int> numbers = await FrameCode.ReadAllAsync(reader.ReadRangeAsync(first, count), first);

        Assert.Equal(Enumerable.Range(first, expected), numbers);
    }

    [Theory]
    [InlineData("vfr.mp4")]
    [InlineData("vfr.mkv")]
    public async Task ReadAsync_VaryingRate_RepeatsFramesToAConstantOne(string name)
    {
        // Frames 0..9 at 30 per second, then every second one is missing.
        await Ffmpeg.EncodeNumberedAsync(
            _folder[name],
            80,
            64,
            "30",
            40,
            ["-vf", "select='lt(n,10)+not(mod(n,2))'", "-fps_mode", "passthrough", .. Ffmpeg.Usual]
        );
        VideoReader reader = await OpenAsync(_folder[name]);

        List<int> numbers = await FrameCode.ReadAllAsync(reader.ReadAsync());

        Assert.Equal("30/1", reader.FrameRate.ToString());
        bool isTold = name == "vfr.mp4"; // Matroska does not keep the average rate
        Assert.Equal(isTold, reader.Stream.HasVariableFrameRate);
        Assert.Equal(isTold, reader.Media.Notes.Any(n => n.Contains("varies")));
        Assert.InRange(numbers.Count, 39, 40);
        Assert.Equal(Enumerable.Range(0, numbers.Count).Select(i => i < 10 ? i : i / 2 * 2), numbers);
        Assert.Equal(numbers[12..20], await FrameCode.ReadAllAsync(reader.ReadRangeAsync(12, 8), 12));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(17, 33)]
    [InlineData(161, 91)]
    public async Task ReadAsync_OddSizes_AreKept(int width, int height)
    {
        byte[] picture = new byte[3 * width * height];
        new Random(width).NextBytes(picture);
        await Ffmpeg.RunAsync(
            [picture, picture],
            "-f",
            "rawvideo",
            "-pixel_format",
            "rgb24",
            "-video_size",
            $"{width}x{height}",
            "-framerate",
            "25",
            "-i",
            "pipe:0",
            "-c:v",
            "ffv1",
            "-pix_fmt",
            "bgr0",
            _folder["odd.mkv"]
        );
        VideoReader reader = await OpenAsync(_folder["odd.mkv"]);
        int count = 0;

        await foreach (VideoFrame frame in reader.ReadAsync())
        {
            Assert.Equal((width, height), (frame.Width, frame.Height));
            Assert.Equal(picture, frame.Rgb);
            frame.Dispose();
            count++;
        }

        Assert.Equal(2, count);
    }

    [Fact]
    public async Task ReadAsync_OneFrame_IsAVideo()
    {
        await Ffmpeg.EncodeNumberedAsync(_folder["one.mp4"], 80, 64, "25", 1, Ffmpeg.Usual);
        VideoReader reader = await OpenAsync(_folder["one.mp4"]);

        Assert.Equal([0], await FrameCode.ReadAllAsync(reader.ReadAsync()));
        Assert.Equal(1, reader.TotalFrames);
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("180", "KBGR")]
    [InlineData("0", "RGBK")]
    public Task ReadAsync_MoreTurns_ComeUpright(string turn, string corners) => ReadAsync_TurnedVideo_ComesUpright(turn, corners);

    [Theory]
    [InlineData("90", "GBRK")] // shown turned counter-clockwise by 90 degrees, as the option means it
    [InlineData("270", "BRKG")]
    public async Task ReadAsync_TurnedVideo_ComesUpright(string turn, string corners)
    {
        // Corners: red, green / blue, black.
        byte[] picture = Corners(96, 64);
        await Ffmpeg.RunAsync(
            Enumerable.Repeat(picture, 3),
            [
                "-f",
                "rawvideo",
                "-pixel_format",
                "rgb24",
                "-video_size",
                "96x64",
                "-framerate",
                "25",
                "-i",
                "pipe:0",
                .. Ffmpeg.Lossless,
                _folder["flat.mp4"],
            ]
        );
        await Ffmpeg.RunAsync("-i", _folder["flat.mp4"], "-c", "copy", "-metadata:s:v:0", $"rotate={turn}", _folder["turned.mp4"]);
        VideoReader reader = await OpenAsync(_folder["turned.mp4"]);
        string expected = await ShownCornersAsync(_folder["turned.mp4"]);

        VideoFrame frame = await FirstAsync(reader.ReadAsync());

        bool swapped = turn is "90" or "270";
        Assert.Equal(swapped ? (64, 96) : (96, 64), (frame.Width, frame.Height));
        Assert.Equal(expected, CornersOf(frame.Rgb, frame.Width, frame.Height));
        Assert.Equal(4, corners.Intersect(expected).Count());
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData(3, "KBGR", 96, 64)]
    [InlineData(2, "GRKB", 96, 64)]
    public Task ReadAsync_MoreExifOrientations_ComeUpright(int exif, string corners, int width, int height) =>
        ReadAsync_PictureWithExifOrientation_ComesUpright(exif, corners, width, height);

    [Theory]
    [InlineData(6, "BRKG", 64, 96)]
    [InlineData(8, "GKRB", 64, 96)]
    public async Task ReadAsync_PictureWithExifOrientation_ComesUpright(int exif, string corners, int width, int height)
    {
        await Ffmpeg.RunAsync(
            [Corners(96, 64)],
            "-f",
            "rawvideo",
            "-pixel_format",
            "rgb24",
            "-video_size",
            "96x64",
            "-i",
            "pipe:0",
            "-frames:v",
            "1",
            "-q:v",
            "1",
            _folder["plain.jpg"]
        );
        byte[] jpeg = File.ReadAllBytes(_folder["plain.jpg"]);
        byte[] tag =
        [
            0xFF,
            0xE1,
            0,
            34,
            .. "Exif\0\0II"u8,
            42,
            0,
            8,
            0,
            0,
            0,
            1,
            0,
            0x12,
            1,
            3,
            0,
            1,
            0,
            0,
            0,
            (byte)exif,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ];
        File.WriteAllBytes(_folder["turned.jpg"], [.. jpeg[..2], .. tag, .. jpeg[2..]]);
        VideoReader reader = await OpenAsync(_folder["turned.jpg"]);

        VideoFrame frame = await FirstAsync(reader.ReadAsync());

        Assert.Equal((width, height), (frame.Width, frame.Height));
        Assert.Equal(corners, CornersOf(frame.Rgb, frame.Width, frame.Height));
        Assert.Equal(1, reader.TotalFrames);
    }

    [Theory]
    [InlineData("-dash and space.mp4")]
    [InlineData("quo'te\" new\nline.mp4")]
    [InlineData("ünïcødé 視頻 🎬.mp4")]
    [InlineData("percent%03d.mp4", Traits = ["Category", "Slow"])]
    [InlineData("colon:pipe|semicolon;$(touch x)&.mp4")]
    [InlineData("concat:a.mp4")]
    [InlineData("[brackets]{braces}*?.mp4", Traits = ["Category", "Slow"])]
    public async Task ReadAsync_AnyName_IsTakenLiterally(string name)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "such names do not exist on Windows");
        await Ffmpeg.EncodeNumberedAsync(_folder["plain.mp4"], 80, 64, "25", 3, Ffmpeg.Usual);
        File.Move(_folder["plain.mp4"], _folder[name]);
        VideoReader reader = await OpenAsync(_folder[name]);

        Assert.Equal([0, 1, 2], await FrameCode.ReadAllAsync(reader.ReadAsync()));
        Assert.Equal([name], _folder.Names);
    }

    [Fact]
    public async Task ReadAsync_RelativeNameWithADash_IsNoOption()
    {
        string name = "-latentsync-" + Guid.NewGuid().ToString("N") + ".mp4";
        await Ffmpeg.EncodeNumberedAsync(_folder["plain.mp4"], 80, 64, "25", 2, Ffmpeg.Usual);
        File.Copy(_folder["plain.mp4"], Path.GetFullPath(name));
        try
        {
            Assert.Equal([0, 1], await FrameCode.ReadAllAsync((await OpenAsync(name)).ReadAsync()));
        }
        finally
        {
            File.Delete(Path.GetFullPath(name));
        }
    }

    [Theory]
    [InlineData("cut.mp4", "-movflags", "+faststart")]
    [InlineData("cut.mkv", "-f", "matroska")]
    public async Task ReadAsync_TruncatedFile_GivesWhatDecodesAndAWarning(string name, params string[] muxing)
    {
        await Ffmpeg.EncodeNumberedAsync(_folder["whole" + Path.GetExtension(name)], 320, 240, "25", 100, [.. Ffmpeg.Usual, .. muxing]);
        byte[] bytes = File.ReadAllBytes(_folder["whole" + Path.GetExtension(name)]);
        File.WriteAllBytes(_folder[name], bytes[..(bytes.Length * 6 / 10)]);
        VideoReader reader = await OpenAsync(_folder[name]);

        List<int> numbers = await FrameCode.ReadAllAsync(reader.ReadAsync());

        Assert.InRange(numbers.Count, 20, 95);
        Assert.Equal(Enumerable.Range(0, 20), numbers[..20]);
        Assert.Equal(numbers.Count, reader.TotalFrames);
        Assert.Contains(reader.Warnings, w => w.Contains("truncated or damaged"));
    }

    [Fact]
    public async Task ReadAsync_NothingDecodes_IsCorrupt()
    {
        await Ffmpeg.EncodeNumberedAsync(_folder["a.mp4"], 80, 64, "25", 30, [.. Ffmpeg.Usual, "-movflags", "+faststart"]);
        byte[] bytes = File.ReadAllBytes(_folder["a.mp4"]);
        int data = bytes.AsSpan().IndexOf("mdat"u8) + 4;
        bytes.AsSpan(data).Fill(0x55);
        File.WriteAllBytes(_folder["broken.mp4"], bytes);

        MediaException error = await Assert.ThrowsAnyAsync<MediaException>(async () =>
            await FrameCode.ReadAllAsync((await OpenAsync(_folder["broken.mp4"])).ReadAsync())
        );

        Assert.Contains("broken.mp4", error.Message);
        Assert.Equal(MediaFault.Corrupt, error.Fault);
    }

    [Fact]
    public async Task ReadAsync_FfmpegKilledMidway_TellsTheExitCode()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "exit codes of killed processes are Unix's");
        await Ffmpeg.RunAsync(
            "-f",
            "lavfi",
            "-i",
            "color=gray:s=640x480:r=25:d=20",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            _folder["long.mp4"]
        );
        VideoReader reader = await OpenAsync(_folder["long.mp4"]);
        int id = 0;
        reader.Started = started => id = started;

        FfmpegFailedException error = await Assert.ThrowsAsync<FfmpegFailedException>(async () =>
        {
            await foreach (VideoFrame frame in reader.ReadAsync())
            {
                frame.Dispose();
                if (frame.Index == 5)
                {
                    Process.GetProcessById(id).Kill();
                }
            }
        });

        Assert.Equal(MediaFault.ToolFailed, error.Fault);
        Assert.Equal(137, error.ExitCode);
        Assert.Contains("killed by signal 9", error.Message);
        Assert.NotEqual(FaultKind.Input, error.Kind);
    }

    [Fact]
    public async Task ReadAsync_InterruptReachesFfmpegFirst_IsACancellation()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "sends a Unix signal");
        await Ffmpeg.RunAsync(
            "-f",
            "lavfi",
            "-i",
            "color=gray:s=640x480:r=25:d=20",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            _folder["long.mp4"]
        );
        VideoReader reader = await OpenAsync(_folder["long.mp4"]);
        int id = 0;
        reader.Started = started => id = started;
        using var cancellation = new CancellationTokenSource();

        // Ctrl+C in a terminal goes to every process of the group, and ours is told of it a little later.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (VideoFrame frame in reader.ReadAsync(cancellation.Token))
            {
                frame.Dispose();
                if (frame.Index == 5)
                {
                    Process.Start("kill", ["-INT", id.ToString(System.Globalization.CultureInfo.InvariantCulture)]).WaitForExit();
                    cancellation.CancelAfter(300);
                }
            }
        });
    }

    [Fact]
    public async Task ReadAsync_CancelledOrAbandoned_LeavesNoProcess()
    {
        await Ffmpeg.RunAsync(
            "-f",
            "lavfi",
            "-i",
            "color=gray:s=640x480:r=25:d=20",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            _folder["long.mp4"]
        );
        VideoReader reader = await OpenAsync(_folder["long.mp4"]);
        var ids = new List<int>();
        reader.Started = ids.Add;
        using var cancellation = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (VideoFrame frame in reader.ReadAsync(cancellation.Token))
            {
                frame.Dispose();
                if (frame.Index == 3)
                {
                    cancellation.Cancel();
                }
            }
        });
        await foreach (VideoFrame frame in reader.ReadAsync())
        {
            frame.Dispose();
            if (frame.Index == 3)
            {
                break;
            }
        }

        Assert.Equal(2, ids.Count);
        Assert.All(ids, id => Assert.Throws<ArgumentException>(() => Process.GetProcessById(id)));
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task ReadAsync_LongVideoInFullHd_StaysInBoundedMemory()
    {
        const int Frames = 100; // 622 MB when all are held
        await Ffmpeg.RunAsync(
            "-f",
            "lavfi",
            "-i",
            $"color=gray:s=1920x1080:r=25:d={Frames / 25}",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            _folder["hd.mp4"]
        );
        VideoReader reader = await OpenAsync(_folder["hd.mp4"]);
        long before = GC.GetTotalAllocatedBytes();
        int count = 0;

        await foreach (VideoFrame frame in reader.ReadAsync())
        {
            frame.Dispose();
            count++;
        }

        Assert.Equal(Frames, count);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, VideoReader.PrefetchBytes + 3 * reader.FrameBytes + (8 << 20));
    }

    [Fact]
    public void Frame_ReturnedToItsPool_CanNotBeReadAnyMore()
    {
        var pool = new FramePool(3, 1);
        var frame = new VideoFrame(1, 1, pool.Rent(), 0, pool);
        frame.Dispose();
        frame.Dispose();

        Assert.Throws<ObjectDisposedException>(() => frame.Rgb);
        Assert.Throws<ArgumentException>(() => new VideoFrame(2, 2, new byte[11], 0));
    }

    private static async Task<VideoReader> OpenAsync(string path) => await VideoReader.OpenAsync(path, await Ffmpeg.RequireAsync());

    private static async Task<VideoFrame> FirstAsync(IAsyncEnumerable<VideoFrame> frames)
    {
        VideoFrame? first = null;
        await foreach (VideoFrame frame in frames)
        {
            first ??= frame.Clone();
            frame.Dispose();
        }

        return Assert.IsType<VideoFrame>(first);
    }

    /// <summary>What ffmpeg's own automatic rotation shows: the oracle.</summary>
    private static async Task<string> ShownCornersAsync(string path)
    {
        byte[] shown = await Ffmpeg.RunAsync(
            [],
            "-i",
            path,
            "-frames:v",
            "1",
            "-pix_fmt",
            "rgb24",
            "-f",
            "image2pipe",
            "-c:v",
            "ppm",
            "pipe:1"
        );
        string[] size = System.Text.Encoding.ASCII.GetString(shown, 3, 10).Split('\n')[0].Split(' ');
        int width = int.Parse(size[0]);
        int height = int.Parse(size[1]);
        return CornersOf(shown[^(3 * width * height)..], width, height);
    }

    private static byte[] Corners(int width, int height)
    {
        var rgb = new byte[3 * width * height];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                int component = (y < height / 2, x < width / 2) switch
                {
                    (true, true) => 0,
                    (true, false) => 1,
                    (false, true) => 2,
                    _ => -1,
                };
                if (component >= 0)
                {
                    rgb[3 * (y * width + x) + component] = 255;
                }
            }
        }

        return rgb;
    }

    private static string CornersOf(byte[] rgb, int width, int height)
    {
        char At(int x, int y)
        {
            int i = 3 * (y * width + x);
            return rgb[i] > 128 ? 'R'
                : rgb[i + 1] > 128 ? 'G'
                : rgb[i + 2] > 128 ? 'B'
                : 'K';
        }

        return new string([
            At(width / 4, height / 4),
            At(width * 3 / 4, height / 4),
            At(width / 4, height * 3 / 4),
            At(width * 3 / 4, height * 3 / 4),
        ]);
    }
}
