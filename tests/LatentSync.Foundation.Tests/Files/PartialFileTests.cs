using LatentSync.Foundation.Files;
using LatentSync.Testing;

namespace LatentSync.Foundation.Tests.Files;

public sealed class PartialFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private IEnumerable<string?> Names =>
        Directory.GetFileSystemEntries(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Write_ReplacesTheTarget_AndLeavesNothingElse()
    {
        File.WriteAllText(_folder.File("a.txt"), "old");

        PartialFile.Write(_folder.File("a.txt"), "new"u8);

        Assert.Equal("new", File.ReadAllText(_folder.File("a.txt")));
        Assert.Equal(["a.txt"], Names);
    }

    [Fact]
    public void Write_Fails_TheTargetAndTheFoldersAreAsBefore()
    {
        File.WriteAllText(_folder.File("a.txt"), "old");

        Assert.Throws<InvalidDataException>(() => PartialFile.Write(_folder.File("a.txt"), _ => throw new InvalidDataException()));
        Assert.Throws<InvalidDataException>(() =>
            PartialFile.Write(_folder.PathOf("x", "y", "a.txt"), _ => throw new InvalidDataException())
        );

        Assert.Equal("old", File.ReadAllText(_folder.File("a.txt")));
        Assert.Equal(["a.txt"], Names);
    }

    [Theory]
    [InlineData(0b110_000_000)]
    [InlineData(0b100_100_000)]
    [InlineData(0b111_101_101)]
    public void Write_KeepsTheTargetsMode(int mode)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "modes are Unix'");
        File.WriteAllText(_folder.File("a.txt"), "old");
        File.SetUnixFileMode(_folder.File("a.txt"), (UnixFileMode)mode);

        UnixFileMode unfinished = default;
        PartialFile.Write(
            _folder.File("a.txt"),
            stream =>
            {
                unfinished = File.GetUnixFileMode(((FileStream)stream).Name);
                stream.WriteByte(1);
            }
        );

        Assert.Equal((UnixFileMode)mode, File.GetUnixFileMode(_folder.File("a.txt")));
        Assert.Equal(default, unfinished & ~((UnixFileMode)mode | UnixFileMode.UserRead | UnixFileMode.UserWrite)); // nobody else reads it meanwhile
    }

    [Fact]
    public void Write_ToALink_KeepsTheLinkAndReplacesItsTarget()
    {
        Directory.CreateDirectory(_folder.File("real"));
        File.WriteAllText(_folder.PathOf("real", "a.txt"), "old");
        File.CreateSymbolicLink(_folder.File("link.txt"), "real/a.txt");

        PartialFile.Write(_folder.File("link.txt"), "new"u8);

        Assert.Equal("real/a.txt", new FileInfo(_folder.File("link.txt")).LinkTarget);
        Assert.Equal("new", File.ReadAllText(_folder.PathOf("real", "a.txt")));
    }

    [Fact]
    public void NameAtTheSystemsLimit_CanBeWritten()
    {
        string name = new string('x', 240) + ".mp4";

        PartialFile.Write(_folder.File(name), "new"u8);

        Assert.Equal([name], Names);
    }

    [Fact]
    public void Sweep_LeavesWhatALivingObjectHolds()
    {
        using PartialFile held = new(_folder.File("a.mp4"));

        PartialFileSweep.Sweep(_folder.Path);

        Assert.True(held.IsThere);
        Assert.Equal(2, Names.Count());
    }

    [Fact]
    public void Sweep_RemovesWhatADeadProcessLeft()
    {
        Leave("a.0123456789ab", Environment.MachineName, 2_000_000_000, "2020-01-01T00:00:00");
        // The number is used again, by this very process, which began at another time.
        Leave("b.0123456789ab", Environment.MachineName, Environment.ProcessId, "2020-01-01T00:00:00");
        File.WriteAllText(_folder.File(".mine.partial.mp4"), "the user's");

        PartialFileSweep.Sweep(_folder.Path);

        Assert.Equal([".mine.partial.mp4"], Names);
    }

    [Fact]
    public void Sweep_KeepsWhatAnotherMachineMayStillWrite_ForADay()
    {
        Leave("a.0123456789ab", "elsewhere", 1, "2020-01-01T00:00:00");
        PartialFileSweep.Sweep(_folder.Path);
        Assert.Equal(2, Names.Count());

        foreach (string file in Directory.GetFiles(_folder.Path))
        {
            File.SetLastWriteTimeUtc(file, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        }
        PartialFileSweep.Sweep(_folder.Path);
        Assert.Empty(Names);
    }

    [Fact]
    public void Sweep_WithoutALock_RemovesOldOnesOnly()
    {
        File.WriteAllText(_folder.File(".young.0123456789ab.partial.mp4"), "just begun");
        File.WriteAllText(_folder.File(".old.0123456789ab.partial.mp4"), "an older version's");
        File.SetLastWriteTimeUtc(_folder.File(".old.0123456789ab.partial.mp4"), new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));

        PartialFileSweep.Sweep(_folder.Path);

        Assert.Equal([".young.0123456789ab.partial.mp4"], Names);
    }

    [Fact]
    public async Task ManyAtOnce_InOneFolder_AllBecomeWhole()
    {
        await Parallel.ForAsync(
            0,
            64,
            (i, _) =>
            {
                PartialFile.Write(
                    _folder.File($"{i % 8}.txt"),
                    System.Text.Encoding.UTF8.GetBytes(new string((char)('a' + (i % 8)), 1000))
                );
                PartialFileSweep.Sweep(_folder.Path);
                return ValueTask.CompletedTask;
            }
        );

        Assert.Equal(Enumerable.Range(0, 8).Select(i => $"{i}.txt"), Names);
        Assert.All(
            Enumerable.Range(0, 8),
            i => Assert.Equal(new string((char)('a' + i), 1000), File.ReadAllText(_folder.File($"{i}.txt")))
        );
    }

    private void Leave(string name, string machine, int process, string start)
    {
        File.WriteAllText(_folder.File($".{name}.partial.mp4"), "half");
        File.WriteAllText(_folder.File($".{name}.partial.lock"), PartialFileLock.Owner(machine, process, start));
    }
}
