using System.Text.Json;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Tools;
using LatentSync.Media.Video.Writing;
using LatentSync.Testing;

namespace LatentSync.Media.Tests.Video;

/// <summary>What a video has beside its picture and sound is in the result, or is named.</summary>
[Trait("Category", "Integration")]
public sealed class CarriedTracksTests : IDisposable
{
    private const double Seconds = 2;
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("in.mkv", "out.mkv", "aac,subrip,ttf")]
    [InlineData("in.mkv", "out.mp4", "aac,mov_text", Traits = ["Category", "Slow"])]
    [InlineData("in.mkv", "out.mov", "aac,mov_text", Traits = ["Category", "Slow"])]
    [InlineData("in.mp4", "out.mp4", "aac,mov_text,mjpeg")]
    [InlineData("in.mp4", "out.mov", "aac,mov_text")]
    [InlineData("in.mp4", "out.mkv", "aac,subrip,mjpeg", Traits = ["Category", "Slow"])]
    public async Task CompleteAsync_ExtrasOfAVideo_AreCarriedOrNamed(string source, string output, string codecs)
    {
        await MakeAsync(source);
        WrittenVideo written = await WriteAsync(source, output);
        MediaInfo result = await MediaProbe.ProbeAsync(written.Path, await Ffmpeg.RequireAsync());

        Assert.Equal(codecs, string.Join(',', result.OtherTracks.Select(t => t.Codec)));
        Assert.Equal("fra", result.OtherTracks[0].Language);
        Assert.Equal(output == "out.mov" ? "ger" : "deu", result.OtherTracks[1].Language);
        Assert.All(
            result.OtherTracks.Skip(2),
            t => Assert.Equal(t.Codec == "mjpeg" ? MediaTrackKind.Cover : MediaTrackKind.Attachment, t.Kind)
        );
        string[] left =
            source == "in.mkv" && output != "out.mkv" ? ["an attached file (ttf, 'f.ttf'), which " + output[3..] + " can't hold"]
            : output == "out.mov" ? ["a cover picture (mjpeg), which .mov can't hold"]
            : [];
        Assert.Equal(left.Length, written.Notes.Count(n => n.StartsWith("Not carried over", StringComparison.Ordinal)));
        Assert.All(left, what => Assert.Contains(written.Notes, n => n.Contains(what, StringComparison.Ordinal)));
        Assert.DoesNotContain(written.Notes, n => n.Contains("language", StringComparison.Ordinal));
        Assert.Equal(["One ü", "Two"], await ChapterTitlesAsync(output));
        Assert.Equal(
            [source, output],
            _folder.Names.Where(n => n.StartsWith("in.", StringComparison.Ordinal) || n.Contains("out", StringComparison.Ordinal))
        );
    }

    /// <summary>The words are shown from 0.5 to 10 s, the result has 2: it must not become longer, nor the words disappear.</summary>
    [Theory]
    [InlineData("in.mkv", "out.mkv")]
    [InlineData("in.mkv", "out.mp4", Traits = ["Category", "Slow"])]
    [InlineData("in.mp4", "out.mp4")]
    [InlineData("in.mp4", "out.mov", Traits = ["Category", "Slow"])]
    [InlineData("in.mp4", "out.mkv", Traits = ["Category", "Slow"])]
    public async Task CompleteAsync_SubtitlesBeyondTheEnd_EndWithThePicture(string source, string output)
    {
        await MakeAsync(source);
        await WriteAsync(source, output);
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        string srt = _folder["found.srt"];
        await Ffmpeg.RunAsync("-i", _folder[output], "-map", "0:s:0", srt);

        Assert.InRange((await MediaProbe.ProbeAsync(_folder[output], tools)).Duration!.Value.TotalSeconds, Seconds - 0.01, Seconds + 0.1);
        string text = (await File.ReadAllTextAsync(srt)).ReplaceLineEndings("\n");
        Assert.Matches(@"^1\n00:00:00,(49\d|5[0-9]\d) --> 00:00:0(1,9\d\d|2,0\d\d)\nHello\n\s*$", text);
    }

    [Theory]
    [InlineData("out.mp4")]
    [InlineData("out.mov", Traits = ["Category", "Slow"])]
    public async Task CompleteAsync_ChaptersWithoutNames_StayWhereTheyAre(string output)
    {
        await MakeAsync("in.mkv", titles: ["", "Two"]);
        WrittenVideo written = await WriteAsync("in.mkv", output);
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        ProgramRun run = await ProgramRun.RunAsync(
            new ProgramStart(tools.FfprobePath, ["-v", "warning", "-show_chapters", _folder[output]])
        );

        Assert.DoesNotContain("chapter track not found", run.Errors, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(["Chapter 1", "Two"], await ChapterTitlesAsync(output));
        Assert.Contains(written.Notes, n => n.Contains("Chapters without a name", StringComparison.Ordinal));
        Assert.Contains("start_time=1.", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CompleteAsync_DataTrackSecondVideoAndSoundThatDoesNotFit_AreNamed()
    {
        await Ffmpeg.RunAsync([
            .. Picture,
            .. Tone(300),
            .. Tone(500),
            "-f",
            "lavfi",
            "-i",
            "testsrc=s=64x48:r=25:d=3",
            "-map",
            "0",
            "-map",
            "1",
            "-map",
            "2",
            "-map",
            "3",
            "-c:v",
            "libx264",
            "-c:a:0",
            "aac",
            "-c:a:1",
            "pcm_s16le",
            "-timecode",
            "01:00:00:00",
            _folder["in.mov"],
        ]);

        WrittenVideo written = await WriteAsync("in.mov", "out.mp4");

        string note = Assert.Single(written.Notes, n => n.StartsWith("Not carried over", StringComparison.Ordinal));
        Assert.Contains("a second audio track (pcm_s16le), which .mp4 can't hold", note, StringComparison.Ordinal);
        Assert.Contains("a second video (h264)", note, StringComparison.Ordinal);
        Assert.Contains("a data track (tmcd", note, StringComparison.Ordinal);
        Assert.Contains(".mkv can hold more", note, StringComparison.Ordinal);
    }

    /// <summary>Hours of work on the picture must not be lost by a track beside it.</summary>
    [Fact]
    public async Task CompleteAsync_TrackThatFfmpegCannotWrite_IsLeftOutAndSaid()
    {
        await Ffmpeg.RunAsync([.. Picture, .. Tone(300), "-c:v", "libx264", "-c:a", "aac", _folder["in.mkv"]]);
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        MediaInfo source = await MediaProbe.ProbeAsync(_folder["in.mkv"], tools);
        source = source with { OtherTracks = [new MediaTrack(7, MediaTrackKind.Audio, "aac", null, null)] };

        WrittenVideo written = await WriteAsync(source, "out.mkv");

        Assert.Contains(
            written.Notes,
            n =>
                n.StartsWith("No other tracks or chapters", StringComparison.Ordinal)
                && n.Contains("ffmpeg failed", StringComparison.Ordinal)
        );
        Assert.Equal(50, written.Frames);
        Assert.NotNull((await MediaProbe.ProbeAsync(written.Path, tools)).Audio);
    }

    /// <summary>Some files call every track the default one; a player must not choose another sound than the speech.</summary>
    [Theory]
    [InlineData("out.mkv", Traits = ["Category", "Slow"])]
    [InlineData("out.mp4")]
    public async Task CompleteAsync_SecondSoundThatIsDefault_LeavesThatToTheSpeech(string output)
    {
        await Ffmpeg.RunAsync([
            .. Picture,
            .. Tone(300),
            .. Tone(500),
            "-map",
            "0",
            "-map",
            "1",
            "-map",
            "2",
            "-c:v",
            "libx264",
            "-c:a",
            "aac",
            "-disposition:a:0",
            "default",
            "-disposition:a:1",
            "default+comment",
            _folder["in.mkv"],
        ]);

        await WriteAsync("in.mkv", output);

        FfmpegTools tools = await Ffmpeg.RequireAsync();
        ProgramRun run = await ProgramRun.RunAsync(
            new ProgramStart(
                tools.FfprobePath,
                ["-v", "error", "-show_entries", "stream=codec_type:stream_disposition=default", "-of", "csv=p=0", _folder[output]]
            )
        );
        Assert.Equal(
            ["video,1", "audio,1", "audio,0"],
            run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        );
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task CompleteAsync_LanguageThatTheContainerDoesNotKnow_IsSaid()
    {
        await Ffmpeg.RunAsync([
            .. Picture,
            .. Tone(300),
            .. Tone(500),
            "-map",
            "0",
            "-map",
            "1",
            "-map",
            "2",
            "-c:v",
            "libx264",
            "-c:a",
            "aac",
            "-metadata:s:a:1",
            "language=haw",
            _folder["in.mkv"],
        ]);

        Assert.Contains(await NotesAsync("out.mov"), n => n.Contains("language (haw), which .mov can't keep", StringComparison.Ordinal));
        Assert.DoesNotContain(await NotesAsync("out.mp4"), n => n.Contains("language", StringComparison.Ordinal));

        async Task<IReadOnlyList<string>> NotesAsync(string output) => (await WriteAsync("in.mkv", output)).Notes;
    }

    [Fact]
    public void Of_SubtitlesWithStyles_SayThatTheyLoseThem()
    {
        MediaInfo source = Info(
            new MediaTrack(2, MediaTrackKind.Subtitle, "ass", "eng", null),
            new MediaTrack(3, MediaTrackKind.Subtitle, "hdmv_pgs_subtitle", null, null)
        );

        var mp4 = CarriedTracks.Of(source, TimeSpan.Zero, OutputContainer.ForPath("a.mp4"));
        var mkv = CarriedTracks.Of(source, TimeSpan.Zero, OutputContainer.ForPath("a.mkv"));

        Assert.Equal(["mov_text"], mp4.Tracks.Select(t => t.Codec));
        Assert.Contains(mp4.Notes, n => n.Contains("not their styles", StringComparison.Ordinal));
        Assert.Contains(mp4.Notes, n => n.Contains("subtitles (hdmv_pgs_subtitle), which .mp4 can't hold", StringComparison.Ordinal));
        Assert.Equal([null, null], mkv.Tracks.Select(t => t.Codec));
        Assert.Empty(mkv.Notes);
    }

    private static string[] Picture => ["-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=3"];

    private static string[] Tone(int hertz) => ["-f", "lavfi", "-i", $"sine={hertz}:r=44100:d=3"];

    /// <summary>Three seconds with a second sound track, subtitles beyond the end, two chapters, and a font or a cover. Remuxed from mp4 to
    /// mkv, so that its picture begins 0.02 s after its sound's start-up samples.</summary>
    private async Task MakeAsync(string name, string[]? titles = null)
    {
        string Title(int i) => (titles ?? ["One ü", "Two"])[i] is { Length: > 0 } title ? $"title={title}\n" : string.Empty;
        await File.WriteAllTextAsync(
            _folder["s.srt"],
            "1\n00:00:00,500 --> 00:00:10,000\nHello\n\n2\n00:00:05,000 --> 00:00:06,000\nBeyond\n"
        );
        await File.WriteAllTextAsync(_folder["f.ttf"], "font");
        await File.WriteAllTextAsync(
            _folder["chapters.txt"],
            $";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=1500\n{Title(0)}[CHAPTER]\nTIMEBASE=1/1000\nSTART=1500\nEND=3000\n{Title(1)}"
        );
        await Ffmpeg.RunAsync([.. Picture, .. Tone(300), "-c:v", "libx264", "-preset", "veryfast", "-c:a", "aac", _folder["base.mp4"]]);
        await Ffmpeg.RunAsync("-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", _folder["cover.jpg"]);
        string[] inputs = ["-i", _folder["base.mp4"], .. Tone(500), "-i", _folder["s.srt"], "-i", _folder["chapters.txt"]];
        string[] maps = ["-map", "0", "-map", "1", "-map", "2", "-map_chapters", "3", "-map_metadata:g", "3"];
        string[] codecs =
        [
            "-c:v",
            "copy",
            "-c:a:0",
            "copy",
            "-c:a:1",
            "aac",
            "-metadata:s:a:1",
            "language=fra",
            "-metadata:s:s:0",
            "language=deu",
        ];
        string[] last =
            name == "in.mkv"
                ? [.. maps, .. codecs, "-c:s", "srt", "-attach", _folder["f.ttf"], "-metadata:s:t", "mimetype=application/x-truetype-font"]
                : ["-i", _folder["cover.jpg"], .. maps, "-map", "4", .. codecs, "-c:s", "mov_text", "-disposition:v:1", "attached_pic"];
        await Ffmpeg.RunAsync([.. inputs, .. last, _folder[name]]);
    }

    private async Task<WrittenVideo> WriteAsync(string source, string output) =>
        await WriteAsync(await MediaProbe.ProbeAsync(_folder[source], await Ffmpeg.RequireAsync()), output);

    private async Task<WrittenVideo> WriteAsync(MediaInfo source, string output)
    {
        string speech = _folder["speech.wav"];
        await Ffmpeg.RunAsync("-f", "lavfi", "-i", "sine=200:r=16000:d=2", speech);
        var options = new VideoWriterOptions
        {
            OutputPath = _folder[output],
            Width = 96,
            Height = 64,
            FrameRate = new Rational(25, 1),
            Color = VideoColor.Assumed(64),
            Preset = "veryfast",
            AudioPath = speech,
            AudioSeconds = Seconds,
            TracksOf = source,
        };
        await using VideoWriter writer = await VideoWriter.CreateAsync(options, await Ffmpeg.RequireAsync());
        for (int i = 0; i < 50; i++)
        {
            await writer.WriteAsync(FrameCode.Paint(96, 64, i));
        }

        return await writer.CompleteAsync();
    }

    private async Task<string[]> ChapterTitlesAsync(string name)
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        ProgramRun run = await ProgramRun.RunAsync(
            new ProgramStart(tools.FfprobePath, ["-v", "error", "-show_chapters", "-of", "json", _folder[name]])
        );
        using var answer = JsonDocument.Parse(run.Output);
        return
        [
            .. answer
                .RootElement.GetProperty("chapters")
                .EnumerateArray()
                .Select(c => c.GetProperty("tags").GetProperty("title").GetString()!),
        ];
    }

    private static MediaInfo Info(params MediaTrack[] tracks) =>
        new()
        {
            Path = "in.mkv",
            FullPath = "/in.mkv",
            Container = "matroska,webm",
            Duration = TimeSpan.FromSeconds(3),
            Video = null,
            Audio = null,
            IsStillImage = false,
            Tags = new Dictionary<string, string>(),
            Notes = [],
            OtherTracks = tracks,
        };
}
