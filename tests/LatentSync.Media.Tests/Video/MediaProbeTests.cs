using LatentSync.Foundation.Faults;
using LatentSync.Media.Video.Probing;

namespace LatentSync.Media.Tests.Video;

[Trait("Category", "Integration")]
public sealed class MediaProbeTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task ProbeAsync_VideoWithSound_TellsItsFacts()
    {
        string path = _folder["clip.mp4"];
        await Ffmpeg.RunAsync([
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=160x90:r=30000/1001:d=1",
            "-f",
            "lavfi",
            "-i",
            "sine=r=44100:d=1",
            "-ac",
            "2",
            "-c:a",
            "aac",
            .. Ffmpeg.Usual,
            "-colorspace",
            "bt709",
            "-color_primaries",
            "bt709",
            "-color_trc",
            "bt709",
            "-color_range",
            "tv",
            "-metadata",
            "title=A title",
            path,
        ]);

        MediaInfo info = await ProbeAsync(path);

        VideoStreamInfo video = info.RequireVideo();
        Assert.Equal((160, 90, 160), (video.Width, video.Height, video.DisplayWidth));
        Assert.Equal("30000/1001", video.FrameRate.ToString());
        Assert.False(video.HasVariableFrameRate);
        Assert.Equal(30, video.FrameCount);
        Assert.Equal(30, video.ExpectedFrames);
        Assert.Equal(("h264", "yuv420p", 8), (video.Codec, video.PixelFormat, video.BitDepth));
        Assert.Equal(new VideoColor("bt709", false, "bt709", "bt709"), video.Color);
        AudioStreamInfo audio = info.RequireAudio();
        Assert.Equal(("aac", 44100, 2), (audio.Codec, audio.SampleRate, audio.Channels));
        Assert.InRange(info.Duration!.Value.TotalSeconds, 0.98, 1.05);
        Assert.Equal("A title", info.Tags["title"]);
        Assert.DoesNotContain("major_brand", info.Tags.Keys);
        Assert.Empty(info.Notes);
        Assert.False(info.IsStillImage);
    }

    [Fact]
    public async Task ProbeAsync_HdrTenBit_IsToldAndTagsAreKept()
    {
        string path = _folder["hdr.mkv"];
        await Ffmpeg.RunAsync(
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=64x48:r=25:d=0.2",
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p10le",
            "-colorspace",
            "bt2020nc",
            "-color_primaries",
            "bt2020",
            "-color_trc",
            "smpte2084",
            "-color_range",
            "tv",
            path
        );

        MediaInfo info = await ProbeAsync(path);

        Assert.Equal(new VideoColor("bt2020nc", false, "bt2020", "smpte2084"), info.RequireVideo().Color);
        Assert.True(info.RequireVideo().Color.IsHdr);
        Assert.Equal(10, info.RequireVideo().BitDepth);
        Assert.Contains(info.Notes, n => n.Contains("HDR"));
    }

    [Theory]
    [InlineData(640, 360, "smpte170m")]
    [InlineData(640, 720, "bt709")]
    public async Task ProbeAsync_Untagged_AssumesByHeightAndSaysSo(int width, int height, string matrix)
    {
        string path = _folder["untagged.mp4"];
        await Ffmpeg.RunAsync(["-f", "lavfi", "-i", $"testsrc2=s={width}x{height}:r=25:d=0.1", .. Ffmpeg.Usual, path]);

        MediaInfo info = await ProbeAsync(path);

        Assert.Equal(new VideoColor(matrix, false, null, null), info.RequireVideo().Color);
        Assert.Contains(info.Notes, n => n.Contains(matrix));
    }

    [Fact]
    public async Task ProbeAsync_SongWithCover_HasNoVideo()
    {
        string cover = _folder["cover.png"];
        string path = _folder["song.mp3"];
        await Ffmpeg.RunAsync("-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1", cover);
        await Ffmpeg.RunAsync(
            "-f",
            "lavfi",
            "-i",
            "sine=d=1",
            "-i",
            cover,
            "-map",
            "0",
            "-map",
            "1",
            "-c:v",
            "copy",
            "-disposition:v",
            "attached_pic",
            path
        );

        MediaInfo info = await ProbeAsync(path);

        Assert.Null(info.Video);
        Assert.Equal("mp3", info.RequireAudio().Codec);
        MediaException error = Assert.Throws<MediaException>(() => info.RequireVideo());
        Assert.Equal(MediaFault.NoVideo, error.Fault);
        Assert.Contains("only audio", error.Message);
    }

    [Fact]
    public async Task ProbeAsync_SilentVideo_HasNoAudio()
    {
        string path = _folder["silent.mp4"];
        await Ffmpeg.RunAsync(["-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2", .. Ffmpeg.Usual, path]);

        MediaException error = Assert.Throws<MediaException>(() => ProbeAsync(path).GetAwaiter().GetResult().RequireAudio());

        Assert.Equal(MediaFault.NoAudio, error.Fault);
        Assert.Contains("silent.mp4", error.Message);
    }

    [Theory]
    [InlineData("picture.png")]
    [InlineData("picture.jpg")]
    [InlineData("picture.tiff")]
    [InlineData("picture.gif")]
    [InlineData("picture%03d.png")]
    public async Task ProbeAsync_Picture_IsAVideoOfOneFrame(string name)
    {
        string path = _folder[name];
        string written = _folder["x" + Path.GetExtension(name)];
        await Ffmpeg.RunAsync("-f", "lavfi", "-i", "testsrc=s=61x47", "-frames:v", "1", written);
        File.Move(written, path);

        MediaInfo info = await ProbeAsync(path);

        Assert.True(info.IsStillImage);
        Assert.Empty(info.Notes);
        Assert.Equal((61, 47, 1L), (info.RequireVideo().Width, info.RequireVideo().Height, info.RequireVideo().FrameCount));
        Assert.Equal("25/1", info.RequireVideo().FrameRate.ToString());
    }

    [Fact]
    public async Task ProbeAsync_BadFiles_AreToldApart()
    {
        await Ffmpeg.RequireAsync();
        File.WriteAllBytes(_folder["empty.mp4"], []);
        File.WriteAllText(_folder["text.mp4"], "This is no video, it is a letter.");
        byte[] noise = new byte[100_000];
        new Random(3).NextBytes(noise);
        File.WriteAllBytes(_folder["noise.mp4"], noise);

        await AssertFaultAsync(_folder["nothing.mp4"], MediaFault.Missing, "does not exist");
        await AssertFaultAsync(_folder.Path, MediaFault.Folder, "folder");
        await AssertFaultAsync(_folder["empty.mp4"], MediaFault.Empty, "0 bytes");
        await AssertFaultAsync(_folder["text.mp4"], MediaFault.Corrupt, "text.mp4");
        await AssertFaultAsync(_folder["noise.mp4"], MediaFault.Corrupt, "noise.mp4");
        await AssertFaultAsync("", MediaFault.Missing, "empty");
        await AssertFaultAsync("http://example.invalid/a.mp4", MediaFault.Missing, "network address");
        await AssertFaultAsync("concat:a|b", MediaFault.Missing, "does not exist");
    }

    [Fact]
    public async Task ProbeAsync_FileThatMayNotBeRead_IsUnreadable()
    {
        await Ffmpeg.RequireAsync();
        Assert.SkipWhen(OperatingSystem.IsWindows(), "file modes are Unix's");
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "the superuser may read everything");
        File.WriteAllText(_folder["secret.mp4"], "x");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(_folder["secret.mp4"], UnixFileMode.None);
        }

        await AssertFaultAsync(_folder["secret.mp4"], MediaFault.Unreadable, "secret.mp4");
    }

    [Fact]
    public async Task ProbeAsync_TruncatedBeforeItsIndex_IsCorrupt()
    {
        string path = _folder["whole.mp4"];
        await Ffmpeg.RunAsync(["-f", "lavfi", "-i", "testsrc2=s=160x90:d=1", .. Ffmpeg.Usual, path]);
        byte[] bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(_folder["half.mp4"], bytes[..(bytes.Length / 2)]);

        await AssertFaultAsync(_folder["half.mp4"], MediaFault.Corrupt, "moov atom not found");
    }

    [Fact]
    public async Task ProbeAsync_PlaylistsAndScripts_AreNotFollowed()
    {
        string target = _folder["private.ts"];
        await Ffmpeg.RunAsync(["-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2", .. Ffmpeg.Usual, target]);
        File.WriteAllText(_folder["list.m3u8"], $"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n#EXT-X-ENDLIST\n");
        File.Copy(_folder["list.m3u8"], _folder["disguised.mp4"]);
        File.WriteAllText(_folder["script.mp4"], $"ffconcat version 1.0\nfile {target}\n");

        foreach (string name in (string[])["list.m3u8", "disguised.mp4", "script.mp4"])
        {
            MediaException error = await Assert.ThrowsAnyAsync<MediaException>(() => ProbeAsync(_folder[name]));
            Assert.Equal(MediaFault.Corrupt, error.Fault);
        }
    }

    [Fact]
    public void Interpret_AbsurdSize_IsRefusedBeforeAnythingIsAllocated()
    {
        var document = new ProbeDocument(
            [
                new ProbeStream
                {
                    CodecType = "video",
                    CodecName = "h264",
                    PixelFormat = "yuv420p",
                    Width = 100_000,
                    Height = 2,
                },
            ],
            null,
            null,
            null
        );

        MediaException error = Assert.Throws<MediaException>(() => MediaProbe.Interpret("x.mp4", "/x.mp4", null, document, "5.1"));

        Assert.Equal(MediaFault.OutOfBounds, error.Fault);
        Assert.Contains("100000x2", error.Message);
    }

    [Fact]
    public void Interpret_NonSquarePixelsOfATurnedVideo_AreTurnedToo()
    {
        var turned = new ProbeSideData("\n00000000: 0 65536 0\n00000001: -65536 0 0\n00000002: 0 0 1073741824\n");
        var document = new ProbeDocument(
            [
                new ProbeStream
                {
                    CodecType = "video",
                    CodecName = "h264",
                    PixelFormat = "yuv420p",
                    Width = 720,
                    Height = 576,
                    SampleAspectRatio = "16:15",
                    SideData = [turned],
                },
            ],
            null,
            null,
            null
        );

        VideoStreamInfo video = MediaProbe.Interpret("x.mp4", "/x.mp4", null, document, "5.1").RequireVideo();

        Assert.Equal((576, 720, "15/16", 540), (video.Width, video.Height, video.SampleAspectRatio.ToString(), video.DisplayWidth));
    }

    private static async Task<MediaInfo> ProbeAsync(string path) => await MediaProbe.ProbeAsync(path, await Ffmpeg.RequireAsync());

    private static async Task AssertFaultAsync(string path, MediaFault fault, string words)
    {
        MediaException error = await Assert.ThrowsAnyAsync<MediaException>(() => ProbeAsync(path));
        Assert.Equal(fault, error.Fault);
        Assert.Contains(words, error.Message);
        Assert.Equal(FaultKind.Input, error.Kind);
        Assert.DoesNotContain('\n', error.Message);
    }
}
