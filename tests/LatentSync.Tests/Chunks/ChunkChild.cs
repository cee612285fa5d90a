using System.Diagnostics;
using System.Runtime.InteropServices;
using LatentSync.Chunks;
using LatentSync.Networks;
using LatentSync.Platform.Machines;

namespace LatentSync.Tests.Chunks;

/// <summary>Computes each chunk in a process of its own, which gets nothing but the job and the checkpoint.</summary>
internal sealed class ChunkChild(string checkpoint, string folder, int window) : IChunkComputer
{
    private int _begun;
    private int _underWay;

    public int Window => window;

    /// <summary>Most processes that ran at once.</summary>
    public int MostUnderWay { get; private set; }

    public async Task<Half[]> ComputeAsync(ChunkJob job, IProgress<ChunkStep>? progress, CancellationToken cancellationToken)
    {
        string jobPath = Path.Combine(folder, $"{_begun}.job"),
            resultPath = Path.Combine(folder, $"{_begun++}.result");
        MostUnderWay = Math.Max(MostUnderWay, Interlocked.Increment(ref _underWay));
        await using (FileStream stream = File.Create(jobPath))
        {
            await job.WriteAsync(stream, cancellationToken);
        }
        using Process child = Process.Start(
            new ProcessStartInfo(Environment.ProcessPath!, ["child", jobPath, checkpoint, resultPath]) { RedirectStandardError = true }
        )!;
        string errors = await child.StandardError.ReadToEndAsync(cancellationToken);
        await child.WaitForExitAsync(cancellationToken);
        Assert.True(child.ExitCode == 0, errors);
        Interlocked.Decrement(ref _underWay);
        return MemoryMarshal.Cast<byte, Half>(await File.ReadAllBytesAsync(resultPath, cancellationToken)).ToArray();
    }

    /// <summary>What the child does.</summary>
    /// <param name="arguments">Job, checkpoint, result.</param>
    public static async Task<int> RunAsync(string[] arguments)
    {
        await using FileStream stream = File.OpenRead(arguments[0]);
        ChunkJob job = await ChunkJob.ReadAsync(stream);
        SyncOptions options = new()
        {
            VideoPath = "none",
            AudioPath = "none",
            OutputPath = "none",
            CheckpointFolder = arguments[1],
            Resolution = job.Settings.Resolution,
            DType = "f32",
            Device = "cpu",
        };
        using LipSyncModels models = LipSyncModels.Load(options, SyncSettings.Of(options), new MachineExaminer().Examine());
        Half[] values = new ChunkWorker(models.UNet, models.Vae).Compute(job);
        await File.WriteAllBytesAsync(arguments[2], MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
        return 0;
    }
}
