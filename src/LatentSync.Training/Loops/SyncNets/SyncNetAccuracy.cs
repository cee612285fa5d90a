using LatentSync.Compute;
using LatentSync.Evaluation;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.SyncNets;
using LatentSync.Platform.Machines;
using LatentSync.Training.Datasets;
using LatentSync.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops.SyncNets;

/// <summary>Measures a StableSyncNet as the original does: random pairs, half of them false, right where cosine > 0.5 is the
/// truth.</summary>
public static class SyncNetAccuracy
{
    private const double Threshold = 0.5;

    /// <summary>Opens network and videos, and judges.</summary>
    /// <param name="options">Files and numbers. libtorch must be loaded.</param>
    /// <param name="done">Told the number of pairs judged; null: not told.</param>
    /// <param name="cancellationToken">Stops between batches.</param>
    /// <exception cref="EvaluationException">A number is out of its range, or the network sees latents and there is no
    /// autoencoder.</exception>
    /// <exception cref="TrainingDataException">There are no videos that can be used.</exception>
    /// <exception cref="Models.Loading.CheckpointMismatchException">The file holds another network.</exception>
    public static async Task<SyncNetAccuracyReport> MeasureAsync(
        SyncNetAccuracyOptions options,
        Action<int>? done = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Samples < 1 || options.BatchSize < 1)
        {
            throw new EvaluationException($"⟦Samples⟧ is {options.Samples} and ⟦BatchSize⟧ {options.BatchSize}; both must be at least 1.");
        }
        Device device = ComputePlan.Choose(options.Device, "f32", new MachineExaminer().Examine().Machine).Device;
        SyncNetConfiguration? configuration = options.ConfigurationPath is { } path ? SyncNetConfiguration.FromFile(path) : null;
        using StableSyncNet network = SyncNetCheckpoint.Open(
            options.CheckpointPath,
            configuration,
            ScalarType.Float32,
            device,
            cancellationToken: cancellationToken
        );
        if (network.Configuration.LatentSpace && options.AutoencoderFolder is null)
        {
            throw new EvaluationException(
                $"{options.CheckpointPath} works on latents; ⟦AutoencoderFolder DIR⟧ must name the folder of the autoencoder that makes them."
            );
        }
        using AutoencoderKL? autoencoder = network.Configuration.LatentSpace
            ? AutoencoderFolder.Load(options.AutoencoderFolder!, ScalarType.Float32, device, cancellationToken: cancellationToken)
            : null;
        using FaceClipLibrary library = await FaceClipLibrary
            .OpenAsync(VideoList.OfPath(options.DataPath), SyncNetBatches.Options(network.Configuration), cancellationToken)
            .ConfigureAwait(false);
        SyncNetBatches batches = new(library, network, autoencoder);
        return await MeasureAsync(network, batches, options.Samples, options.BatchSize, options.Seed, done, cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>Judges pairs, drawn by the seed alone.</summary>
    /// <param name="network">The network; its mode is not changed.</param>
    /// <param name="batches">The held-out videos.</param>
    /// <param name="samples">Pairs, at least 1. The original takes 2048.</param>
    /// <param name="batchSize">Pairs at a time, at least 1.</param>
    /// <param name="seed">Chooses the pairs.</param>
    /// <param name="done">Told the number of pairs judged; null: not told.</param>
    /// <param name="cancellationToken">Stops between batches.</param>
    /// <exception cref="TrainingDataException">Every video is skipped.</exception>
    public static async Task<SyncNetAccuracyReport> MeasureAsync(
        StableSyncNet network,
        SyncNetBatches batches,
        int samples,
        int batchSize,
        long seed,
        Action<int>? done = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(batches);
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        List<(bool InSync, double Cosine)> judged = [];
        double loss = 0;
        while (judged.Count < samples)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int count = Math.Min(batchSize, samples - judged.Count);
            using SyncNetBatch batch = await batches.DrawAsync(seed, 0, judged.Count, count, cancellationToken).ConfigureAwait(false);
            using IDisposable noGrad = no_grad();
            using DisposeScope scope = NewDisposeScope();
            (Tensor visual, Tensor audio) = network.Embed(batch.Visual, batch.Audio);
            loss += SyncLoss.Of(visual, audio, batch.Labels).item<float>() * count / samples;
            float[] cosines = StableSyncNet.Similarity(visual, audio).to(ScalarType.Float32).cpu().data<float>().ToArray();
            judged.AddRange(batch.Windows.Zip(cosines, (window, cosine) => (window.InSync, (double)cosine)));
            done?.Invoke(judged.Count);
        }
        (bool InSync, double Cosine)[] inSync = [.. judged.Where(j => j.InSync)],
            outOfSync = [.. judged.Where(j => !j.InSync)];
        int rightlyTrue = inSync.Count(j => j.Cosine > Threshold);
        return new SyncNetAccuracyReport(
            judged.Count,
            rightlyTrue + outOfSync.Count(j => j.Cosine <= Threshold),
            inSync.Length,
            rightlyTrue,
            inSync.Length == 0 ? null : inSync.Average(j => j.Cosine),
            outOfSync.Length == 0 ? null : outOfSync.Average(j => j.Cosine),
            loss
        );
    }
}
