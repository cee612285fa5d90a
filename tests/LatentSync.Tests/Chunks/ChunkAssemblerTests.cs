using LatentSync.Chunks;

namespace LatentSync.Tests.Chunks;

public sealed class ChunkAssemblerTests
{
    [Fact]
    public void Add_AllFaces_FullChunksAndAShortLast()
    {
        IReadOnlyList<Chunk<string>> chunks = Run(25, 1.6, 16, _ => true);

        Assert.Equal([16, 16, 8], chunks.Select(c => c.Faces.Count));
        Assert.Equal(Enumerable.Range(0, 40), chunks.SelectMany(c => c.NetworkFrames));
    }

    [Fact]
    public void Add_FacelessFrames_EndTheChunkAndAreInNone()
    {
        IReadOnlyList<Chunk<string>> chunks = Run(25, 0.8, 16, i => i is < 5 or > 7);

        Assert.Equal(
            [
                [0, 1, 2, 3, 4],
                [.. Enumerable.Range(8, 12)],
            ],
            chunks.Select(c => c.NetworkFrames.ToArray())
        );
    }

    [Theory]
    [InlineData(15.0)]
    [InlineData(23.976)]
    [InlineData(30.0)]
    [InlineData(60.0)]
    public void Add_AnyRate_EveryNetworkFrameOnceFromItsNearestOutputFrame(double rate)
    {
        FrameClock clock = new(rate, 2.0);
        IReadOnlyList<Chunk<string>> chunks = Run(rate, 2.0, 16, _ => true);

        Assert.Equal(Enumerable.Range(0, 50), chunks.SelectMany(c => c.NetworkFrames));
        Assert.All(
            chunks.SelectMany(c => c.NetworkFrames.Zip(c.Faces)),
            pair => Assert.Equal($"face {clock.OutputFrameOf(pair.First)}", pair.Second)
        );
    }

    [Fact]
    public void MouthFor_BorderOfAGap_TakesTheNeighbour()
    {
        FrameClock clock = new(50, 1.0);
        ChunkAssembler<string> assembler = new(clock, 16);
        for (int i = 0; i < 50; i++)
        {
            // Network frame 5 sees output frame 10, which has no face; 9 and 11 have.
            assembler.Add(i, i == 10 ? null : "face");
        }

        Assert.Equal(4, assembler.MouthFor(9));
        Assert.Equal(6, assembler.MouthFor(11));
        Assert.Equal(7, assembler.MouthFor(14));
    }

    [Fact]
    public void MouthFor_StreamEndedEarly_TakesTheLastFrame()
    {
        ChunkAssembler<string> assembler = new(new FrameClock(60, 10), 16);
        for (int i = 0; i <= 59; i++)
        {
            assembler.Add(i, "face");
        }

        Assert.False(assembler.IsDecided(59));
        Assert.Equal(24, assembler.MouthFor(59));
    }

    private static List<Chunk<string>> Run(double rate, double seconds, int framesPerChunk, Func<int, bool> hasFace)
    {
        FrameClock clock = new(rate, seconds);
        ChunkAssembler<string> assembler = new(clock, framesPerChunk);
        List<Chunk<string>> chunks = [];
        for (int i = 0; i < clock.OutputFrames; i++)
        {
            chunks.AddRange(assembler.Add(i, hasFace(i) ? $"face {i}" : null));
        }
        chunks.AddRange(assembler.Complete());
        return chunks;
    }
}
