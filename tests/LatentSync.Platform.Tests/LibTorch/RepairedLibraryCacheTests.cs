using System.Diagnostics;
using LatentSync.Platform.LibTorch;
using LatentSync.Platform.Loading;
using LatentSync.Platform.Tests.Children;

namespace LatentSync.Platform.Tests.LibTorch;

[Trait("Category", "Integration")]
public sealed class RepairedLibraryCacheTests : IDisposable
{
    private static readonly byte[] Content = [1, 2, 3, 4, 5, 6, 7, 8];

    private readonly TestFolder _folder = new();
    private readonly List<LoadStep> _trace = [];

    public RepairedLibraryCacheTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux needs the repair.");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void FileName_HoldsHashAndRevision()
    {
        string name = RepairedLibraryCache.FileName("/app/libLibTorchSharp.so", [1, 2, 3]);

        // SHA-256 of 01 02 03 begins so
        Assert.Equal("libLibTorchSharp-039058c6f2c0cb492c533b0a4d14ef77-r1.so", name);
    }

    [Fact]
    public void Places_EmptyCache_WritesThenReuses()
    {
        string path = FirstPlace(Cache());
        DateTime written = File.GetLastWriteTimeUtc(path);

        string again = FirstPlace(Cache());

        Assert.Equal(_folder.At("cache/native/x.so"), path);
        Assert.Equal(path, again);
        Assert.Equal(written, File.GetLastWriteTimeUtc(again));
        Assert.Contains("written", _trace[0].Detail, StringComparison.Ordinal);
        Assert.Contains("verified", _trace[1].Detail, StringComparison.Ordinal);
        Assert.Equal([path], Directory.GetFiles(_folder.At("cache/native")));
    }

    [Theory]
    [InlineData(new byte[] { 1, 2, 3, 4, 5, 6, 7, 9 })] // tampered
    [InlineData(new byte[] { 1, 2, 3 })] // truncated
    [InlineData(new byte[] { })]
    [InlineData(new byte[] { 1, 2, 3, 4, 5, 6, 7, 8, 9 })]
    public void Places_WrongContentFound_ReplacesIt(byte[] found)
    {
        Directory.CreateDirectory(_folder.At("cache/native"));
        File.WriteAllBytes(_folder.At("cache/native/x.so"), found);

        string path = FirstPlace(Cache());

        Assert.Equal(Content, File.ReadAllBytes(path));
        Assert.Contains("replaced", _trace[0].Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Places_CacheUnderAFile_UsesPrivateTemporaryFolderAndRemovesIt()
    {
        // A folder below a file can be made by nobody, root included: for root a read-only folder would be writable.
        string blocked = Path.Combine(_folder.Write("file", ""), "cache");
        string path;
        using (RepairedCopy copy = new RepairedLibraryCache(blocked, _folder.Path).Places("x.so", Content, _trace).First())
        {
            path = copy.Path;
            Assert.False(copy.IsKept);
            Assert.Equal(Content, File.ReadAllBytes(path));
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
                File.GetUnixFileMode(Path.GetDirectoryName(path)!)
            );
        }

        Assert.False(Directory.Exists(Path.GetDirectoryName(path)));
        Assert.False(_trace[0].Succeeded);
    }

    [Fact]
    public void Places_NothingOnDiskWritable_UsesMemory()
    {
        string blocked = _folder.Write("file", "");

        using RepairedCopy copy = new RepairedLibraryCache(Path.Combine(blocked, "a"), Path.Combine(blocked, "b"))
            .Places("x.so", Content, _trace)
            .First();

        Assert.StartsWith("/proc/self/fd/", copy.Path, StringComparison.Ordinal);
        Assert.Equal(Content, File.ReadAllBytes(copy.Path));
        Assert.Equal(2, _trace.Count(step => !step.Succeeded));
    }

    [Fact]
    public void Places_FolderThatEveryoneMayWrite_IsNotTrusted()
    {
        Directory.CreateDirectory(_folder.At("cache/native"));
        File.SetUnixFileMode(_folder.At("cache/native"), (UnixFileMode)0b111_111_111);

        using RepairedCopy copy = Cache().Places("x.so", Content, _trace).First();

        Assert.False(copy.IsKept);
        Assert.Contains("every user", _trace[0].Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Places_FolderInPlaceOfTheFile_GoesOnToTheNextPlace()
    {
        Directory.CreateDirectory(_folder.At("cache/native/x.so"));

        using RepairedCopy copy = Cache().Places("x.so", Content, _trace).First();

        Assert.False(copy.IsKept);
        Assert.Empty(Directory.GetFiles(_folder.At("cache/native"), ".*"));
    }

    [Fact]
    public void Places_FileOfAKilledProcess_IsRemoved()
    {
        string left = _folder.Write("cache/native/.x.0123456789ab.partial.so", "half"),
            held = _folder.Write("cache/native/.x.0123456789ab.partial.lock", $"{Environment.MachineName}\n1\nlong ago\n");
        File.SetUnixFileMode(_folder.At("cache/native"), (UnixFileMode)0b111_000_000);

        FirstPlace(Cache());

        Assert.False(File.Exists(left) || File.Exists(held));
    }

    [Fact]
    public void Places_SeveralProcessesAtOnce_EachGetsTheWholeFile()
    {
        const int Count = 5;
        string cache = _folder.At("raced"),
            signal = _folder.At("go");
        List<Process> children = Enumerable
            .Range(0, Count)
            .Select(_ => ChildProcess.Start(ChildProcess.OwnFolder, ["repair", cache, signal]))
            .ToList();
        File.WriteAllText(signal, "");

        ChildReport[] reports = children.Select(ChildProcess.Finish).ToArray();

        Assert.All(reports, report => Assert.True(report.Sum == 1, report.Code));
        Assert.Equal([Path.Combine(cache, "native", "raced.so")], Directory.GetFiles(Path.Combine(cache, "native")));
        Assert.Equal(ChildScenarios.RaceContent(), File.ReadAllBytes(Path.Combine(cache, "native", "raced.so")));
        children.ForEach(child => child.Dispose());
    }

    private RepairedLibraryCache Cache() => new(_folder.At("cache"), _folder.Path);

    private string FirstPlace(RepairedLibraryCache cache)
    {
        using RepairedCopy copy = cache.Places("x.so", Content, _trace).First();
        Assert.True(copy.IsKept);
        return copy.Path;
    }
}
