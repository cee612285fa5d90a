using System.Diagnostics;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;
using LatentSync.Media.Video.Writing;
using LatentSync.Testing;

namespace LatentSync.Media.Tests.Video;

[Trait("Category", "Integration")]
public sealed class VideoWriterTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("24000/1001", "out.mp4")]
    [InlineData("60", "out.mkv")]
    public async Task CompleteAsync_NumberedFrames_ComeBackInOrderAtTheSameRate(string rate, string name)
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        Assert.True(Rational.TryParse(rate, out Rational frameRate));

        WrittenVideo written = await WriteNumberedAsync(Options(name) with { FrameRate = frameRate }, 33);

        Assert.Equal((33L, null as string), (written.Frames, written.AudioCodec));
        Assert.Equal(new FileInfo(_folder[name]).Length, written.Bytes);
        var reader = await VideoReader.OpenAsync(_folder[name], tools);
        Assert.Equal(frameRate, reader.FrameRate);
        Assert.Equal(Enumerable.Range(0, 33), await FrameCode.ReadAllAsync(reader.ReadAsync()));
        Assert.Equal([name], _folder.Names);
    }

    [Theory]
    [InlineData(81, 63)]
    [InlineData(1, 1, Traits = ["Category", "Slow"])]
    public async Task CompleteAsync_OddSize_IsKeptInFullColour(int width, int height)
    {
        WrittenVideo written = await WriteNumberedAsync(Options("odd.mp4") with { Width = width, Height = height }, 2);

        VideoStreamInfo video = (await MediaProbe.ProbeAsync(written.Path, await Ffmpeg.RequireAsync())).RequireVideo();
        Assert.Equal((width, height, "yuv444p"), (video.Width, video.Height, video.PixelFormat));
        Assert.Contains(written.Notes, n => n.Contains("yuv444p"));
    }

    [Fact]
    public async Task CompleteAsync_OneFrame_IsAVideo()
    {
        await WriteNumberedAsync(Options("one.mp4"), 1);

        var reader = await VideoReader.OpenAsync(_folder["one.mp4"], await Ffmpeg.RequireAsync());
        Assert.Equal([0], await FrameCode.ReadAllAsync(reader.ReadAsync()));
    }

    [Fact]
    public async Task CompleteAsync_LikeASource_KeepsTagsPixelShapeAndColours()
    {
        string source = _folder["source.mp4"];
        string flat = _folder["flat.mp4"];
        await Ffmpeg.RunAsync([
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=96x64:r=30:d=0.5",
            "-vf",
            "setsar=16/15",
            .. Ffmpeg.Usual,
            "-colorspace",
            "smpte170m",
            "-color_primaries",
            "bt470bg",
            "-color_trc",
            "smpte170m",
            "-color_range",
            "pc",
            "-metadata",
            "title=Quotes \" and = and ü",
            flat,
        ]);
        await Ffmpeg.RunAsync(
            "-i",
            flat,
            "-c",
            "copy",
            "-metadata",
            "creation_time=2020-02-03T04:05:06Z",
            "-metadata:s:v:0",
            "rotate=90",
            source
        );
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        var reader = await VideoReader.OpenAsync(source, tools);

        await using (VideoWriter writer = await VideoWriter.CreateAsync(VideoWriterOptions.Like(reader, _folder["out.mp4"], null), tools))
        {
            await foreach (VideoFrame frame in reader.ReadAsync())
            {
                await writer.WriteAsync(frame);
                frame.Dispose();
            }

            await writer.CompleteAsync();
        }

        MediaInfo info = await MediaProbe.ProbeAsync(_folder["out.mp4"], tools);
        VideoStreamInfo video = info.RequireVideo();
        Assert.Equal(FrameOrientation.Upright, video.Orientation);
        Assert.Equal((64, 96), (video.CodedWidth, video.CodedHeight));
        Assert.Equal(reader.Stream.SampleAspectRatio, video.SampleAspectRatio);
        Assert.Equal(new VideoColor("smpte170m", true, "bt470bg", "smpte170m"), video.Color);
        Assert.Equal("Quotes \" and = and ü", info.Tags["title"]);
        Assert.StartsWith("2020-02-03T04:05:06", info.Tags["creation_time"]);
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("speech.m4a", "out.mp4", "aac", true)]
    [InlineData("speech.mp3", "out.mp4", "mp3", true)]
    [InlineData("speech.flac", "out.mp4", "aac", false)]
    [InlineData("speech.ogg", "out.mp4", "aac", false)]
    [InlineData("speech.wav", "out.mov", "pcm_s16le", true)]
    [InlineData("speech.flac", "out.mov", "alac", false)]
    [InlineData("speech.wav", "out.mkv", "pcm_s16le", true)]
    public Task CompleteAsync_SpeechInOtherCodecs_KeepsItsQuality(string speech, string name, string codec, bool copied) =>
        CompleteAsync_Speech_KeepsItsQuality(speech, name, codec, copied);

    [Theory]
    [InlineData("speech.aac", "out.mp4", "aac", true)]
    [InlineData("speech.wav", "out.mp4", "aac", false, Traits = ["Category", "Slow"])]
    [InlineData("speech.flac", "out.mkv", "flac", true, Traits = ["Category", "Slow"])]
    [InlineData("speech.mp4", "out.mkv", "aac", true, Traits = ["Category", "Slow"])]
    public async Task CompleteAsync_Speech_KeepsItsQuality(string speech, string name, string codec, bool copied)
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        await MakeSpeechAsync(_folder[speech], 2);

        WrittenVideo written = await WriteNumberedAsync(Options(name) with { AudioPath = _folder[speech] }, 50);

        Assert.Equal((codec, copied), (written.AudioCodec, written.AudioCopied));
        AudioStreamInfo audio = (await MediaProbe.ProbeAsync(written.Path, tools)).RequireAudio();
        Assert.Equal((codec, 48000, 2), (audio.Codec, audio.SampleRate, audio.Channels));
        Assert.InRange(audio.Duration!.Value.TotalSeconds, 1.97, 2.06);
        if (copied)
        {
            List<string> before = await PacketsAsync(_folder[speech]);
            List<string> after = await PacketsAsync(written.Path);
            Assert.InRange(after.Count, before.Count - 1, before.Count); // the last packet may lie behind the last frame
            Assert.Equal(before[..after.Count], after);
        }
        else
        {
            Assert.Contains(written.Notes, n => n.Contains(codec));
        }

        var reader = await VideoReader.OpenAsync(written.Path, tools);
        Assert.Equal(Enumerable.Range(0, 50), await FrameCode.ReadAllAsync(reader.ReadAsync()));
    }

    [Theory]
    [InlineData("speech.wav", 25, 3, Traits = ["Category", "Slow"])] // cut
    [InlineData("speech.wav", 75, 1)] // filled with silence
    [InlineData("speech.m4a", 25, 3, Traits = ["Category", "Slow"])] // cut between packets
    public async Task CompleteAsync_SpeechOfAnotherLength_EndsWithTheVideo(string speech, int frames, int seconds)
    {
        await MakeSpeechAsync(_folder[speech], seconds);

        WrittenVideo written = await WriteNumberedAsync(Options("out.mp4") with { AudioPath = _folder[speech] }, frames);

        MediaInfo info = await MediaProbe.ProbeAsync(written.Path, await Ffmpeg.RequireAsync());
        Assert.Equal(frames / 25.0, info.RequireAudio().Duration!.Value.TotalSeconds, 0.03);
        Assert.Equal(frames, info.RequireVideo().FrameCount);
    }

    [Fact]
    public async Task CompleteAsync_LateSpeechTrack_BeginsWithTheVideo()
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        await MakeSpeechAsync(_folder["speech.m4a"], 1);
        await Ffmpeg.RunAsync([
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=64x48:r=25:d=2",
            "-itsoffset",
            "0.7",
            "-i",
            _folder["speech.m4a"],
            "-map",
            "0:v",
            "-map",
            "1:a",
            "-c:a",
            "copy",
            .. Ffmpeg.Usual,
            _folder["late.mp4"],
        ]);
        Assert.Equal(0.7, (await MediaProbe.ProbeAsync(_folder["late.mp4"], tools)).RequireAudio().StartOffset.TotalSeconds, 0.03);

        WrittenVideo written = await WriteNumberedAsync(Options("out.mp4") with { AudioPath = _folder["late.mp4"] }, 25);

        Assert.Equal(0, (await MediaProbe.ProbeAsync(written.Path, tools)).RequireAudio().StartOffset.TotalSeconds, 0.03);
    }

    [Fact]
    public async Task Lost_EncoderDiesOrFolderGoes_IsCancelledWithoutAnotherFrame()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "what is open cannot be removed there");
        Directory.CreateDirectory(_folder["results"]);
        VideoWriterOptions options = Options("results/out.mp4");
        await using (VideoWriter killed = await CreateAsync(options))
        {
            System.Diagnostics.Process.GetProcessById(killed.EncoderId).Kill();
            await CancelledAsync(killed.Lost);
            Assert.Equal(MediaFault.ToolFailed, (await killed.LostReasonAsync()).Fault);
        }

        await using (VideoWriter homeless = await CreateAsync(options))
        {
            await homeless.WriteAsync(new byte[3 * options.Width * options.Height]);
            Directory.Delete(_folder["results"], recursive: true);
            await CancelledAsync(homeless.Lost);
            Assert.Equal(MediaFault.OutputLost, (await homeless.LostReasonAsync()).Fault);
            Assert.Equal(MediaFault.OutputLost, (await Assert.ThrowsAsync<MediaException>(() => homeless.CompleteAsync())).Fault);
        }

        Assert.False(Directory.Exists(_folder["results"]));
    }

    private static async Task CancelledAsync(CancellationToken token)
    {
        TaskCompletionSource cancelled = new();
        await using CancellationTokenRegistration registration = token.Register(cancelled.SetResult);
        await cancelled.Task.WaitAsync(TimeSpan.FromMinutes(5), CancellationToken.None); // only a guard
    }

    [Fact]
    public async Task CreateAsync_WrongRequests_AreToldBeforeAnythingIsWritten()
    {
        await Ffmpeg.EncodeNumberedAsync(_folder["input.mp4"], 80, 64, "25", 2, Ffmpeg.Usual);
        File.WriteAllText(_folder["text.wav"], "no sound");
        if (!OperatingSystem.IsWindows())
        {
            File.CreateSymbolicLink(_folder["link.mp4"], _folder["input.mp4"]);
        }

        string[] before = _folder.Names;
        await AssertFaultAsync(Options("out.webm"), MediaFault.UnknownContainer, "webm");
        await AssertFaultAsync(Options("out.gif"), MediaFault.UnknownContainer, ".mp4, .mov or .mkv");
        await AssertFaultAsync(Options("out"), MediaFault.UnknownContainer, "no extension");
        await AssertFaultAsync(Options("input.mp4") with { InputPaths = [_folder["input.mp4"]] }, MediaFault.OutputIsInput, "another name");
        await AssertFaultAsync(Options("x.mp4") with { AudioPath = _folder["input.mp4"] }, MediaFault.NoAudio, "no audio track");
        await AssertFaultAsync(Options("x.mp4") with { AudioPath = _folder["text.wav"] }, MediaFault.Corrupt, "text.wav");
        await AssertFaultAsync(Options("x.mp4") with { AudioPath = _folder["missing.wav"] }, MediaFault.Missing, "missing.wav");
        await AssertFaultAsync(Options("text.wav/x.mp4"), MediaFault.OutputFolder, "cannot be written");
        if (!OperatingSystem.IsWindows())
        {
            await AssertFaultAsync(
                Options("link.mp4") with
                {
                    InputPaths = [_folder["input.mp4"]],
                },
                MediaFault.OutputIsInput,
                "another name"
            );
        }

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => CreateAsync(Options("x.mp4") with { Crf = 52 }));
        await Assert.ThrowsAsync<ArgumentException>(() => CreateAsync(Options("x.mp4") with { Preset = "fast;rm" }));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => CreateAsync(Options("x.mp4") with { Width = 0 }));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() =>
            CreateAsync(Options("x.mp4") with { FrameRate = new Rational(1000, 1) })
        );
        Assert.Equal(before, _folder.Names);
    }

    [Theory]
    [InlineData("-dash and space.mp4")]
    [InlineData("quo'te\" new\nline.mp4")]
    [InlineData("視頻 🎬 percent%03d.mp4")]
    [InlineData("deep/folder/that/is/new.mp4")]
    public async Task CompleteAsync_AnyName_IsTakenLiterally(string name)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() && name.AsSpan().ContainsAny("\"\n"), "such names do not exist on Windows");
        await MakeSpeechAsync(_folder["speech.m4a"], 1);

        await WriteNumberedAsync(Options(name) with { AudioPath = _folder["speech.m4a"] }, 3);

        Assert.True(File.Exists(_folder[name]));
        Assert.Equal(2, Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories).Length);
    }

    [Fact]
    public async Task CompleteAsync_LongestAllowedName_Fits()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "measured against Unix file systems");
        string name = string.Concat(Enumerable.Repeat("ü", 125)) + ".mp4"; // 254 bytes

        await WriteNumberedAsync(Options(name), 1);

        Assert.Equal([name], _folder.Names);
    }

    [Fact]
    public async Task DisposeAsync_BeforeTheEnd_LeavesTheOldFileAndNothingElse()
    {
        File.WriteAllText(_folder["out.mp4"], "precious");
        VideoWriter writer = await CreateAsync(Options("out.mp4"));
        await writer.WriteAsync(FrameCode.Paint(80, 64, 0));
        int id = writer.EncoderId;
        Assert.Equal(3, _folder.Names.Length); // the unfinished one, and the lock that says whose it is

        await writer.DisposeAsync();

        Assert.Equal(["out.mp4"], _folder.Names);
        Assert.Equal("precious", File.ReadAllText(_folder["out.mp4"]));
        Assert.Throws<ArgumentException>(() => Process.GetProcessById(id));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => writer.WriteAsync(FrameCode.Paint(80, 64, 0)));
    }

    [Fact]
    public async Task WriteAsync_Cancelled_LeavesNothing()
    {
        using var cancellation = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await using VideoWriter writer = await VideoWriter.CreateAsync(
                Options("new/out.mp4"),
                await Ffmpeg.RequireAsync(),
                cancellation.Token
            );
            for (int i = 0; i < 1000; i++)
            {
                await writer.WriteAsync(FrameCode.Paint(80, 64, i));
                if (i == 20)
                {
                    await cancellation.CancelAsync();
                }
            }
        });

        Assert.Empty(_folder.Names);
    }

    [Fact]
    public async Task CompleteAsync_CancelledAtTheEnd_LeavesNothing()
    {
        using var cancellation = new CancellationTokenSource();
        await using VideoWriter writer = await VideoWriter.CreateAsync(Options("out.mp4"), await Ffmpeg.RequireAsync(), cancellation.Token);
        await writer.WriteAsync(FrameCode.Paint(80, 64, 0));
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writer.CompleteAsync());
        await writer.DisposeAsync();

        Assert.Empty(_folder.Names);
    }

    [Fact]
    public async Task WriteAsync_EncoderKilled_TellsTheExitCodeAndKeepsTheOldFile()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "exit codes of killed processes are Unix's");
        File.WriteAllText(_folder["out.mp4"], "precious");
        await using (VideoWriter writer = await CreateAsync(Options("out.mp4") with { Width = 640, Height = 480 }))
        {
            byte[] frame = FrameCode.Paint(640, 480, 5);
            FfmpegFailedException error = await Assert.ThrowsAsync<FfmpegFailedException>(async () =>
            {
                for (int i = 0; i < 1000; i++)
                {
                    await writer.WriteAsync(frame);
                    if (i == 3)
                    {
                        Process.GetProcessById(writer.EncoderId).Kill();
                    }
                }
            });
            Assert.Equal(137, error.ExitCode);
            Assert.Contains("killed by signal 9", error.Message);
        }

        Assert.Equal(["out.mp4"], _folder.Names);
        Assert.Equal("precious", File.ReadAllText(_folder["out.mp4"]));
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WriteAsync_DiskFull_IsToldAndLeavesNothing(bool atTheEnd)
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        await MakeSpeechAsync(_folder["speech.wav"], 1);
        async Task<WrittenVideo> WriteAsync(string name)
        {
            VideoWriterOptions options = Options(name) with
            {
                Width = 160,
                Height = 120,
                Crf = 20,
                Preset = "ultrafast",
                AudioPath = _folder["speech.wav"],
            };
            await using VideoWriter writer = await VideoWriter.CreateAsync(options, tools);
            var random = new Random(1);
            var noise = new byte[160 * 120 * 3];
            for (int i = 0; i < 40; i++)
            {
                random.NextBytes(noise);
                await writer.WriteAsync(noise);
            }

            return await writer.CompleteAsync();
        }

        // The picture fits once but not twice, or not at all.
        long bytes = (await WriteAsync("elsewhere.mp4")).Bytes;
        using SmallDisk? disk = SmallDisk.TryMount(_folder["disk"], (int)(bytes / 1024 * (atTheEnd ? 1.5 : 0.5)));
        Assert.SkipWhen(disk is null, "a small file system cannot be mounted here: it needs Linux, the superuser and permission");
        File.WriteAllText(Path.Combine(disk.Path, "out.mp4"), "precious");

        MediaException error = await Assert.ThrowsAnyAsync<MediaException>(() => WriteAsync("disk/out.mp4"));

        Assert.Equal(MediaFault.DiskFull, error.Fault);
        Assert.Contains("disk is full", error.Message);
        Assert.Equal(["out.mp4"], Directory.EnumerateFileSystemEntries(disk.Path).Select(Path.GetFileName));
        Assert.Equal("precious", File.ReadAllText(Path.Combine(disk.Path, "out.mp4")));
    }

    [Fact]
    public async Task WriteAsync_FrameOfAnotherSize_IsRefused()
    {
        await using VideoWriter writer = await CreateAsync(Options("out.mp4"));

        await Assert.ThrowsAsync<ArgumentException>(() => writer.WriteAsync(new VideoFrame(2, 2, new byte[12], 0)));
        await Assert.ThrowsAsync<ArgumentException>(() => writer.WriteAsync(new byte[12]));
        await Assert.ThrowsAsync<InvalidOperationException>(() => writer.CompleteAsync());
    }

    private VideoWriterOptions Options(string name) =>
        new()
        {
            OutputPath = _folder[name],
            Width = 80,
            Height = 64,
            FrameRate = new Rational(25, 1),
            Color = VideoColor.Assumed(64),
            Preset = "veryfast",
        };

    private static async Task<VideoWriter> CreateAsync(VideoWriterOptions options) =>
        await VideoWriter.CreateAsync(options, await Ffmpeg.RequireAsync());

    private static async Task<WrittenVideo> WriteNumberedAsync(VideoWriterOptions options, int frames)
    {
        await using VideoWriter writer = await CreateAsync(options);
        for (int i = 0; i < frames; i++)
        {
            await writer.WriteAsync(FrameCode.Paint(options.Width, options.Height, i));
        }

        return await writer.CompleteAsync();
    }

    private static Task MakeSpeechAsync(string path, int seconds)
    {
        string[] codec = Path.GetExtension(path) switch
        {
            ".mp3" => ["-c:a", "libmp3lame"],
            ".ogg" => ["-c:a", "libvorbis"],
            ".mp4" => ["-f", "lavfi", "-i", $"testsrc2=s=64x48:r=25:d={seconds}", .. Ffmpeg.Usual, "-c:a", "aac"],
            _ => [],
        };
        return Ffmpeg.RunAsync(["-f", "lavfi", "-i", $"aevalsrc=0.4*sin(900*t)|0.3*sin(1300*t*t):s=48000:d={seconds}", .. codec, path]);
    }

    /// <summary>Hashes of the audio packets: the sixth column of ffmpeg's list.</summary>
    private static async Task<List<string>> PacketsAsync(string path)
    {
        string filter = path.EndsWith(".aac", StringComparison.Ordinal) ? "aac_adtstoasc" : "null";
        byte[] output = await Ffmpeg.RunAsync(
            [],
            "-i",
            path,
            "-map",
            "0:a:0",
            "-c",
            "copy",
            "-bsf:a",
            filter,
            "-f",
            "framehash",
            "-hash",
            "md5",
            "pipe:1"
        );
        string[] lines = System.Text.Encoding.ASCII.GetString(output).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return [.. lines.Where(l => l[0] != '#').Select(l => l.Split(',')[5].Trim())];
    }

    private static async Task AssertFaultAsync(VideoWriterOptions options, MediaFault fault, string words)
    {
        MediaException error = await Assert.ThrowsAnyAsync<MediaException>(() => CreateAsync(options));
        Assert.Equal(fault, error.Fault);
        Assert.Contains(words, error.Message);
    }
}
