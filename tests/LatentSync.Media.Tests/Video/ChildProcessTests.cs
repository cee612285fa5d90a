using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Tests.Video;

public sealed class ChildProcessTests
{
    [Fact]
    public async Task Dispose_ClosesThePipes()
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();
        ChildProcess child = ChildProcess.Start(tools.FfmpegPath, ["-version"], writesInput: true, CancellationToken.None);
        (Stream input, Stream output) = (child.Input, child.Output);

        await child.DisposeAsync();

        Assert.Throws<ObjectDisposedException>(() => input.WriteByte(0));
        Assert.Throws<ObjectDisposedException>(() => output.ReadByte());
    }
}
