using LatentSync.Chunks;
using LatentSync.Models.Schedulers;

namespace LatentSync.Tests.Chunks;

public sealed class ChunkJobTests
{
    private static readonly ChunkSettings Settings = new("networks", 64, 1247, 20, 1.5, "ddim", PredictionType.Epsilon, false);

    private static ChunkJob Job => new(Settings, 3, Numbers(64 * 64), [Bytes(1), Bytes(2)], Numbers(2 * 5 * 7), 5);

    [Fact]
    public async Task WriteRead_Job_IsTheSame()
    {
        ChunkJob read = await ReadAsync(await WriteAsync(Job));

        Assert.Equal((Settings, 3, 2, 5, 7), (read.Settings, read.Index, read.Frames, read.TokensPerFrame, read.TokenWidth));
        Assert.Equal(Job.Mask, read.Mask);
        Assert.Equal(Job.Faces, read.Faces);
        Assert.Equal(Job.AudioTokens, read.AudioTokens);
        Assert.Equal(Job.Key(), read.Key());
    }

    [Fact]
    public void Key_AnythingChanged_IsAnother()
    {
        float[] tokens = Numbers(2 * 5 * 7);
        tokens[^1] += 1;
        float[] mask = Numbers(64 * 64);
        mask[0] += 1;
        ChunkJob[] others =
        [
            Job,
            Job with
            {
                Index = 4,
            },
            Job with
            {
                AudioTokens = tokens,
            },
            Job with
            {
                Mask = mask,
            },
            Job with
            {
                Faces = [Bytes(1), Bytes(3)],
            },
            Job with
            {
                TokensPerFrame = 7,
            },
            .. new[]
            {
                Settings with
                {
                    Identity = "other networks",
                },
                Settings with
                {
                    Seed = 1,
                },
                Settings with
                {
                    InferenceSteps = 21,
                },
                Settings with
                {
                    GuidanceScale = 1.6,
                },
                Settings with
                {
                    Scheduler = "dpm++",
                },
                Settings with
                {
                    Prediction = PredictionType.Sample,
                },
                Settings with
                {
                    DeepCache = true,
                },
            }.Select(settings => Job with { Settings = settings }),
        ];

        Assert.Equal(others.Length, others.Select(job => job.Key()).Distinct().Count());
        Assert.Equal(Job.Key(), Job.Key());
    }

    [Fact]
    public async Task Read_AnyByteChangedOrMissing_IsRefused()
    {
        byte[] written = await WriteAsync(Job);
        Random random = new(7);
        for (int i = 0; i < 200; i++)
        {
            byte[] changed = [.. written];
            int place = i < 100 ? i : random.Next(changed.Length);
            changed[place] ^= (byte)(1 << random.Next(8));
            await Assert.ThrowsAsync<ChunkJobException>(() => ReadAsync(changed));
            await Assert.ThrowsAsync<ChunkJobException>(() => ReadAsync(written[..random.Next(written.Length)]));
        }
    }

    [Theory]
    [InlineData(0, 64, 20)]
    [InlineData(int.MaxValue, 64, 20)]
    [InlineData(2, 40000, 20)]
    [InlineData(2, 64, 0)]
    public async Task Read_SizesThatNoRunHas_AreRefusedBeforeMemoryIsTaken(int frames, int resolution, int steps)
    {
        string header =
            $$"""{"Settings":{"Identity":"n","Resolution":{{resolution}},"Seed":1,"InferenceSteps":{{steps}},"GuidanceScale":1.5,"Scheduler":"ddim","Prediction":0,"DeepCache":false},"Index":0,"Frames":{{frames}},"TokensPerFrame":5,"TokenWidth":7}""";
        byte[] bytes =
        [
            .. "LatentSync chunk 1\n"u8,
            .. BitConverter.GetBytes(header.Length),
            .. System.Text.Encoding.UTF8.GetBytes(header),
        ];
        long before = GC.GetAllocatedBytesForCurrentThread();

        ChunkJobException refusal = Assert.Throws<ChunkJobException>(() => ReadAsync(bytes).GetAwaiter().GetResult());

        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
        Assert.DoesNotContain("cut off", refusal.Message, StringComparison.Ordinal);
    }

    private static async Task<byte[]> WriteAsync(ChunkJob job)
    {
        using MemoryStream stream = new();
        await job.WriteAsync(stream);
        return stream.ToArray();
    }

    private static Task<ChunkJob> ReadAsync(byte[] bytes) => ChunkJob.ReadAsync(new MemoryStream(bytes));

    private static float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(i => i / (float)count)];

    private static byte[] Bytes(byte value) => Enumerable.Repeat(value, 3 * 64 * 64).ToArray();
}
