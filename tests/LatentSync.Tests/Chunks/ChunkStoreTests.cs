using LatentSync.Chunks;
using LatentSync.Testing;

namespace LatentSync.Tests.Chunks;

public sealed class ChunkStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TryRead_WhatWasWritten_IsTheSame()
    {
        ChunkStore store = new(_folder.File("out.mp4"));
        Half[] values = [.. Enumerable.Range(0, 100).Select(i => (Half)(i / 50.0))];
        store.Write("abc", values);

        Half[] read = new Half[100];
        Assert.True(store.TryRead("abc", read));
        Assert.Equal(values, read);
    }

    [Fact]
    public void TryRead_OtherKeyOrLength_IsNothing()
    {
        ChunkStore store = new(_folder.File("out.mp4"));
        store.Write("abc", new Half[10]);

        Assert.False(store.TryRead("abd", new Half[10]));
        Assert.False(store.TryRead("abc", new Half[11]));
    }

    [Fact]
    public void Delete_ForeignFileInTheFolder_IsKept()
    {
        ChunkStore store = new(_folder.File("out.mp4"));
        store.Write(new string('a', 64), new Half[10]);
        string foreign = Path.Combine(store.Folder, "mine.txt");
        File.WriteAllText(foreign, "keep me");

        store.Delete();

        Assert.Equal([foreign], Directory.GetFiles(store.Folder));
        File.Delete(foreign);
        store.Delete();
        Assert.False(Directory.Exists(store.Folder));
    }
}
