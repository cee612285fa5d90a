using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Tests.Wording;

public sealed class NearestNameTests
{
    private static readonly string[] Commands = ["sync", "demo", "synth", "doctor", "parity", "attention", "eval", "checkpoint", "train"];
    private static readonly string[] Options = ["--video", "--audio", "--out", "--checkpoint", "--resolution", "--resume", "-v"];

    [Theory]
    [InlineData("snyc", "sync")] // two letters swapped
    [InlineData("syn", "sync")] // one is missing
    [InlineData("Docter", "doctor")]
    [InlineData("checkpiont", "checkpoint")]
    [InlineData("attenton", "attention")]
    [InlineData("check", "checkpoint")] // the beginning of one only
    [InlineData("frobnicate", null)]
    [InlineData("sing", null)]
    [InlineData("x", null)]
    [InlineData("", null)]
    public void Of_Command_IsTheNearestOrNone(string name, string? expected) => Assert.Equal(expected, NearestName.Of(name, Commands));

    [Theory]
    [InlineData("--vidoe", "--video")]
    [InlineData("-video", "--video")]
    [InlineData("video", "--video")]
    [InlineData("--resol", "--resolution")]
    [InlineData("--res", null)] // --resolution or --resume
    public void Of_Option_CountsNoDashes(string name, string? expected) => Assert.Equal(expected, NearestName.Of(name, Options));

    [Theory]
    [InlineData("", "", 0)]
    [InlineData("abc", "", 3)]
    [InlineData("", "ab", 2)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("ca", "ac", 1)]
    [InlineData("ca", "abc", 3)] // no place is changed twice
    [InlineData("abcdef", "badcfe", 3)]
    public void Distance_IsThatOfOptimalAlignment(string from, string to, int expected)
    {
        Assert.Equal(expected, NearestName.Distance(from, to));
        Assert.Equal(expected, NearestName.Distance(to, from));
    }
}
