using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Tests.Video;

[Trait("Category", "Integration")]
public sealed class FrameSequenceTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData(ExtendPolicy.PingPong, 24, 1)] // one frame a segment
    [InlineData(ExtendPolicy.Loop, 30, 1 << 28)]
    [InlineData(ExtendPolicy.PingPong, 5, 1 << 28)]
    [InlineData(ExtendPolicy.Hold, 5, 1)]
    public Task ReadAsync_MorePoliciesAndMemory_FollowTheOrder(ExtendPolicy policy, int output, long segmentBytes) =>
        ReadAsync_AnyPolicyAndMemory_FollowsTheOrder(policy, output, segmentBytes);

    [Theory]
    [InlineData(ExtendPolicy.PingPong, 40, 1 << 28)]
    [InlineData(ExtendPolicy.PingPong, 27, 4 * 80 * 64 * 3)]
    [InlineData(ExtendPolicy.PingPong, 15, 4 * 80 * 64 * 3)] // a backward pass that is cut short
    [InlineData(ExtendPolicy.Loop, 30, 1)]
    [InlineData(ExtendPolicy.Hold, 20, 1)]
    [InlineData(ExtendPolicy.Stop, 20, 1 << 28)]
    [InlineData(ExtendPolicy.PingPong, 0, 1)]
    public async Task ReadAsync_AnyPolicyAndMemory_FollowsTheOrder(ExtendPolicy policy, int output, long segmentBytes)
    {
        const int Source = 11;
        await Ffmpeg.EncodeNumberedAsync(_folder["a.mp4"], 80, 64, "25", Source, Ffmpeg.Usual);
        var reader = await VideoReader.OpenAsync(_folder["a.mp4"], await Ffmpeg.RequireAsync());
        var shown = new List<int>();

        await foreach (SequencedFrame item in new FrameSequence(reader, policy, segmentBytes).ReadAsync(output))
        {
            Assert.Equal(shown.Count, item.OutputIndex);
            shown.Add(FrameCode.Read(item.Frame));
            Assert.Equal(shown[^1], item.SourceIndex);
            item.Frame.Rgb.AsSpan().Clear(); // a consumer that paints must not disturb later passes
            item.Frame.Dispose();
        }

        long frames = FrameOrder.OutputFrames(output, Source, policy);
        Assert.Equal(Enumerable.Range(0, (int)frames).Select(i => (int)FrameOrder.SourceIndex(i, Source, policy)!.Value), shown);
    }

    [Fact]
    public async Task ReadAsync_Picture_IsRepeatedWithoutDecodingItAgain()
    {
        await Ffmpeg.RunAsync("-f", "lavfi", "-i", "testsrc2=s=64x48", "-frames:v", "1", _folder["a.png"]);
        var reader = await VideoReader.OpenAsync(_folder["a.png"], await Ffmpeg.RequireAsync());
        int started = 0;
        reader.Started = _ => started++;
        int count = 0;

        await foreach (SequencedFrame item in new FrameSequence(reader, ExtendPolicy.PingPong).ReadAsync(100))
        {
            Assert.Equal(0, item.SourceIndex);
            count++;
        }

        Assert.Equal((100, 1), (count, started));
    }

    [Fact]
    public async Task ReadAsync_FewerFramesThanTheVideoHas_ReadsOnlyThese()
    {
        await Ffmpeg.EncodeNumberedAsync(_folder["a.mp4"], 80, 64, "25", 100, Ffmpeg.Usual);
        var reader = await VideoReader.OpenAsync(_folder["a.mp4"], await Ffmpeg.RequireAsync());
        int count = 0;

        await foreach (SequencedFrame item in new FrameSequence(reader, ExtendPolicy.PingPong).ReadAsync(4))
        {
            item.Frame.Dispose();
            count++;
        }

        Assert.Equal(4, count);
        Assert.Null(reader.TotalFrames);
        Assert.Empty(reader.Warnings);
    }
}
