namespace LatentSync.Cli.Tests;

public sealed class GoingOnTests
{
    [Fact]
    public void Line_IsWhatAShellTakesAsItWasMeant()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "another shell");

        Assert.Equal("latentsync sync --out /tmp/o.mp4", GoingOn.Line(["sync", "--out", "/tmp/o.mp4"]));
        Assert.Equal("latentsync 'my talk.mp4' 'it'\\''s' ''", GoingOn.Line(["my talk.mp4", "it's", ""]));
        Assert.Equal("latentsync $'a\\nb\\'\\\\c'", GoingOn.Line(["a\nb'\\c"]));
    }
}
