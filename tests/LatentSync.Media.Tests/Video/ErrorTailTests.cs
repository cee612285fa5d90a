using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Tests.Video;

public sealed class ErrorTailTests
{
    [Fact]
    public void Append_EndlessLine_KeepsTheEndInBoundedMemory()
    {
        var tail = new ErrorTail();
        for (int i = 0; i < 1000; i++)
        {
            tail.Append(new string('x', 1000));
        }

        tail.Append("the end");

        Assert.Equal(ErrorTail.Capacity, tail.Text.Length);
        Assert.EndsWith("the end", tail.Text);
        Assert.True(tail.LastLines(3).Length <= 303);
    }

    [Fact]
    public void LastLines_ControlCharacters_AreHarmless()
    {
        var tail = new ErrorTail();
        tail.Append("one\r\ntwo \u001b[31mred\nthree\n\n");

        Assert.Equal("two ?[31mred | three", tail.LastLines(2));
    }
}
