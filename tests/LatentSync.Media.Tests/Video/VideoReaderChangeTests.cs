using System.Text;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Tests.Video;

/// <summary>Recordings whose size, pixel format or range changes on the way.</summary>
[Trait("Category", "Integration")]
public sealed class VideoReaderChangeTests : IDisposable
{
    private const int FramesPerPart = 5;
    private static readonly string[] Vp8 = ["-c:v", "libvpx", "-b:v", "2M", "-qmin", "2", "-qmax", "6"];
    private static readonly string[] H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "8"];
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public Task ReadAsync_SizeChanges_GivesEveryFrameOnce() =>
        GivesEveryFrameOnceAsync("a.webm", [Vp8, [.. Vp8, "-vf", "scale=40:32"], Vp8, [.. Vp8, "-vf", "scale=160:96"]]);

    [Fact]
    public Task ReadAsync_FormatAndRangeChange_GivesEveryFrameOnce() =>
        GivesEveryFrameOnceAsync(
            "a.ts",
            [
                [.. H264, "-vf", "scale=out_range=tv,format=yuv420p", "-color_range", "tv"],
                [.. H264, "-vf", "scale=out_range=pc,format=yuv444p", "-color_range", "pc"],
                [.. H264, "-vf", "scale=40:32:out_range=tv,format=yuv420p,setsar=2", "-color_range", "tv"],
            ]
        );

    private async Task GivesEveryFrameOnceAsync(string name, string[][] parts)
    {
        string extension = Path.GetExtension(name);
        var list = new StringBuilder();
        for (int part = 0; part < parts.Length; part++)
        {
            string file = _folder[$"part{part}{extension}"];
            int first = part * FramesPerPart;
            await Ffmpeg.RunAsync(
                Enumerable.Range(first, FramesPerPart).Select(i => FrameCode.Paint(80, 64, i)),
                [
                    "-f",
                    "rawvideo",
                    "-pixel_format",
                    "rgb24",
                    "-video_size",
                    "80x64",
                    "-framerate",
                    "25",
                    "-i",
                    "pipe:0",
                    .. parts[part],
                    file,
                ]
            );
            list.Append($"file '{file}'\n");
        }

        File.WriteAllText(_folder["list.txt"], list.ToString());
        await Ffmpeg.RunAsync("-f", "concat", "-safe", "0", "-i", _folder["list.txt"], "-c", "copy", _folder[name]);
        VideoReader reader = await VideoReader.OpenAsync(_folder[name], await Ffmpeg.RequireAsync());
        int total = parts.Length * FramesPerPart;

        Assert.Equal(Enumerable.Range(0, total), await FrameCode.ReadAllAsync(reader.ReadAsync()));
        Assert.Equal(Enumerable.Range(3, total - 5), await FrameCode.ReadAllAsync(reader.ReadRangeAsync(3, total - 5), 3));
        Assert.Empty(reader.Warnings);
    }
}
