using LatentSync.Foundation.Faults;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Tests.Video;

[Trait("Category", "Integration")]
public sealed class FfmpegToolsTests
{
    [Fact]
    public async Task Describe_ThisMachine_TellsPathVersionAndEncoders()
    {
        FfmpegFacts facts = (await Ffmpeg.RequireAsync()).Describe();

        Assert.True(File.Exists(facts.FfmpegPath));
        Assert.True(File.Exists(facts.FfprobePath));
        Assert.NotEmpty(facts.Version);
        Assert.True(facts.Encoders["aac"]);
        Assert.Equal(facts.Encoders["libx264"], facts.CanWrite);
    }

    [Fact]
    public async Task LocateAsync_NowhereToBeFound_SaysWhatToType()
    {
        using var folder = new TestFolder();
        var locator = new FfmpegLocator(null, null, folder.Path, [], false);

        FfmpegNotFoundException error = await Assert.ThrowsAsync<FfmpegNotFoundException>(() => FfmpegTools.LocateAsync(locator, default));

        Assert.Contains(error.Remedy, error.Message);
        Assert.Contains("ffmpeg", error.Remedy, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("LATENTSYNC_FFMPEG", error.Message);
        Assert.Equal([Path.Combine(folder.Path, "ffmpeg")], error.TriedPaths);
        Assert.Equal("MED0301", error.Code);
        Assert.NotEqual(FaultKind.Input, error.Kind);
    }

    [Fact]
    public async Task LocateAsync_ProgramThatIsNoFfmpeg_IsPassedOver()
    {
        FfmpegTools real = await Ffmpeg.RequireAsync();
        Assert.SkipWhen(OperatingSystem.IsWindows(), "uses /bin/true");
        using var folder = new TestFolder();
        File.CreateSymbolicLink(folder["ffmpeg"], "/bin/true");
        File.CreateSymbolicLink(folder["ffprobe"], "/bin/true");
        string search = folder.Path + ":" + Path.GetDirectoryName(real.FfmpegPath);

        FfmpegTools found = await FfmpegTools.LocateAsync(new FfmpegLocator(null, null, search, [], false), default);
        FfmpegNotFoundException error = await Assert.ThrowsAsync<FfmpegNotFoundException>(() =>
            FfmpegTools.LocateAsync(new FfmpegLocator(folder.Path, null, search, [], false), default)
        );

        Assert.Equal(real.FfmpegPath, found.FfmpegPath);
        Assert.Contains("as given", error.Message);
    }

    /// <summary>A process asks a build once, and again when it was replaced.</summary>
    [Fact]
    public async Task LocateAsync_Again_AsksAgainOnlyWhenTheProgramChanged()
    {
        FfmpegTools real = await Ffmpeg.RequireAsync();
        Assert.SkipWhen(OperatingSystem.IsWindows(), "uses a shell script");
        using var folder = new TestFolder();
        File.CreateSymbolicLink(folder["ffprobe"], real.FfprobePath);
        WriteScript("7.7");

        Assert.Equal("7.7", await VersionAsync());
        Assert.Equal("7.7", await VersionAsync());
        Assert.Single(File.ReadAllLines(folder["asked"]), line => line == "-version");
        WriteScript("7.7.1");
        Assert.Equal("7.7.1", await VersionAsync());

        async Task<string> VersionAsync() =>
            (await FfmpegTools.LocateAsync(new FfmpegLocator(folder.Path, null, null, [], false), default)).Version;

        void WriteScript(string version)
        {
            File.WriteAllText(
                folder["ffmpeg"],
                $"#!/bin/sh\necho \"$1\" >> '{folder["asked"]}'\necho 'ffmpeg version {version} Copyright'\necho ' ---'\necho ' V.. libx264'\n"
            );
            if (OperatingSystem.IsWindows())
            {
                return;
            }
            File.SetUnixFileMode(folder["ffmpeg"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    [Fact]
    public void Candidates_OptionThenVariableThenPathThenFolders()
    {
        var all = new FfmpegLocator("/o", "/v", "/a:relative:/b", ["/c"], false);

        Assert.Equal(["/o"], all.Candidates().Select(c => c.Ffmpeg));
        Assert.Equal(["/v"], (all with { Option = null }).Candidates().Select(c => c.Ffmpeg));
        Assert.Equal(
            ["/a/ffmpeg", "/b/ffmpeg", "/c/ffmpeg"],
            (all with { Option = null, Variable = null }).Candidates().Select(c => c.Ffmpeg)
        );
    }

    [Fact]
    public void Candidates_FileWithAVersionInItsName_HasItsOwnProbe()
    {
        (string ffmpeg, string ffprobe, _) = new FfmpegLocator("/opt/ffmpeg-7.1", null, null, [], false).Candidates().Single();

        Assert.Equal(("/opt/ffmpeg-7.1", "/opt/ffprobe-7.1"), (ffmpeg, ffprobe));
    }

    [Theory]
    [InlineData("apt-get", "sudo apt-get install ffmpeg")]
    [InlineData("dnf", "sudo dnf install ffmpeg")]
    [InlineData("pacman", "sudo pacman -S ffmpeg")]
    [InlineData("apk", "sudo apk add ffmpeg")]
    public void ForLinux_PackageManager_GivesItsCommand(string manager, string command)
    {
        Assert.Equal(command, InstallationAdvice.ForLinux(m => m == manager));
    }

    [Theory]
    [InlineData("ffmpeg version 5.1.9-0+deb12u1 Copyright (c)\nbuilt", "5.1.9-0+deb12u1")]
    [InlineData("ffmpeg version N-118000-gabc Copyright", "N-118000-gabc")]
    public void ParseVersion_Introduction_GivesTheVersion(string answer, string version) =>
        Assert.Equal(version, FfmpegTools.ParseVersion(answer, "ffmpeg"));

    [Fact]
    public async Task RequireEncoder_Unknown_NamesItAndTheRemedy()
    {
        FfmpegTools tools = await Ffmpeg.RequireAsync();

        FfmpegNotFoundException error = Assert.Throws<FfmpegNotFoundException>(() => tools.RequireEncoder("libnothing"));

        Assert.Contains("libnothing", error.Message);
        Assert.Contains(error.Remedy, error.Message);
    }
}
