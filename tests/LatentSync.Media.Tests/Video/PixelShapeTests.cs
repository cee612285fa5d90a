using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Tools;
using LatentSync.Media.Video.Writing;

namespace LatentSync.Media.Tests.Video;

/// <summary>A pixel's shape is kept exactly, or the report says that it is not.</summary>
[Trait("Category", "Integration")]
public sealed class PixelShapeTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("16/15", 90, "out.mp4", true)]
    [InlineData("16/15", 90, "out.mkv", true)] // shown 96 wide
    [InlineData("16/15", 80, "out.mov", true)]
    [InlineData("16/15", 80, "out.mkv", true)] // 85 1/3: ffmpeg stores the picture's shape
    [InlineData("1001/997", 80, "out.mkv", false)] // 80 1/3, which ffmpeg takes for 80
    [InlineData("70001/65537", 80, "out.mp4", false)]
    public async Task CompleteAsync_PixelShape_IsKeptExactlyOrSaid(string shape, int width, string name, bool isKept)
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        Assert.True(Rational.TryParse(shape, out Rational aspect));
        var options = new VideoWriterOptions
        {
            OutputPath = _folder[name],
            Width = width,
            Height = 64,
            FrameRate = new Rational(25, 1),
            Color = VideoColor.Assumed(64),
            SampleAspectRatio = aspect,
        };
        await using VideoWriter writer = await VideoWriter.CreateAsync(options, tools);
        await writer.WriteAsync(new byte[3 * width * 64]);
        await writer.WriteAsync(new byte[3 * width * 64]);
        WrittenVideo written = await writer.CompleteAsync();

        Rational found = (await MediaProbe.ProbeAsync(_folder[name], tools)).RequireVideo().SampleAspectRatio;
        Assert.Equal(isKept, found == aspect); // the note is right about the file
        Assert.Equal(isKept ? 0 : 1, written.Notes.Count(n => n.Contains("can't store that exactly", StringComparison.Ordinal)));
        Assert.InRange(found.ToDouble() / aspect.ToDouble(), 0.99, 1.01);
    }
}
