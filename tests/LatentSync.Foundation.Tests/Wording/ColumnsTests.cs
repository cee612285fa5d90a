using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Tests.Wording;

public sealed class ColumnsTests
{
    [Fact]
    public void Wrap_WithAHang_IndentsEveryLineButTheFirst()
    {
        IReadOnlyList<string> lines = Columns.Wrap("one two three four five six", 11, hang: 4);

        Assert.Equal(["one two", "    three", "    four", "    five", "    six"], lines);
    }

    [Fact]
    public void Wrap_WordWiderThanTheLine_IsBrokenInTheRoomThatTheHangLeaves()
    {
        IReadOnlyList<string> lines = Columns.Wrap("a /very/long/path", 8, hang: 3);

        Assert.All(lines, line => Assert.True(Columns.Width(line) <= 8, line));
        Assert.Equal("a/very/long/path", string.Concat(lines.Select(line => line.Trim())));
    }
}
