namespace LatentSync.Platform.Tests;

public sealed class PlatformSettingsTests
{
    [Theory]
    [InlineData("/mine", "/xdg", "/mine")]
    [InlineData(null, "/xdg", "/xdg/latentsync")]
    [InlineData(null, "relative", "/home/u/.cache/latentsync")]
    [InlineData("  ", null, "/home/u/.cache/latentsync")]
    public void CacheFolder_VariablesInOrder(string? own, string? xdg, string expected)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "XDG_CACHE_HOME counts on Linux only.");
        var variables = new Dictionary<string, string?> { ["LATENTSYNC_CACHE"] = own, ["XDG_CACHE_HOME"] = xdg };

        PlatformSettings settings = PlatformSettings.From(variables.GetValueOrDefault, "/home/u/.cache/latentsync");

        Assert.Equal(expected, settings.CacheFolder);
    }

    [Fact]
    public void From_EveryVariableRead_IsDocumented()
    {
        var read = new HashSet<string>();

        PlatformSettings settings = PlatformSettings.From(
            name =>
            {
                read.Add(name);
                return name == "LD_LIBRARY_PATH" ? "/a::/b" : null;
            },
            null
        );

        Assert.Equal(PlatformSettings.Variables.Select(variable => variable.Name).Order(), read.Order());
        Assert.Equal(["/a", "/b"], settings.LibraryPath);
        Assert.Null(settings.LibTorchFolder);
        Assert.Null(settings.CacheFolder);
    }
}
