using LatentSync.Models.Autoencoders;
using LatentSync.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Chunks;

/// <summary>Computes chunk jobs, in any order, of one run or of many. Not for several threads at once.</summary>
/// <param name="network">The denoising network; belongs to the caller.</param>
/// <param name="autoencoder">The image autoencoder; belongs to the caller.</param>
public sealed class ChunkWorker(UNet3DConditionModel network, AutoencoderKL autoencoder)
{
    private (ChunkSettings Settings, ChunkGenerator Generator)? _last;

    /// <summary>Generates the faces of a job.</summary>
    /// <param name="job">The job; that its networks are these is the caller's to check.</param>
    /// <param name="progress">Told after every denoising step.</param>
    /// <param name="cancellationToken">Checked before every layer of the denoising network and every call of the autoencoder.</param>
    /// <returns>(f, 3, R, R) in about [-1, 1].</returns>
    /// <exception cref="UNetInputException">The job does not fit the networks.</exception>
    /// <exception cref="NonFiniteResultException">A network gave infinity or NaN.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public Half[] Compute(ChunkJob job, IProgress<ChunkStep>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(job);
        using DisposeScope scope = NewDisposeScope();
        ChunkGenerator generator = GeneratorOf(job.Settings);
        int side = job.Settings.Resolution;
        Tensor mask = tensor(job.Mask, [1, side, side]); // (1, R, R)
        Tensor tokens = tensor(job.AudioTokens, [job.Frames, job.TokensPerFrame, job.TokenWidth]); // (f, S, X)
        using SeededLatentNoise runNoise = new(job.Settings.Seed);
        Tensor start = runNoise.Draw(LatentNoisePurpose.Start, generator.StartNoiseShape(side)); // (1, 4, 1, s, s)
        using SeededLatentNoise noise = SeededLatentNoise.ForChunk(job.Settings.Seed, job.Index);
        ChunkInput input = new(Planes(job), mask, tokens, start);
        using ChunkResult result = generator.Generate(input, noise, progress, cancellationToken: cancellationToken);
        using Tensor halves = result.Composites.to(ScalarType.Float16).contiguous(); // (f, 3, R, R)
        return halves.data<Half>().ToArray();
    }

    private ChunkGenerator GeneratorOf(ChunkSettings settings)
    {
        if (_last is not { } last || last.Settings != settings)
        {
            _last = last = (settings, new ChunkGenerator(network, autoencoder, settings.Options, settings.CreateScheduler()));
        }
        return last.Generator;
    }

    // (f, 3, R, R) in [-1, 1], as the networks take them.
    private static Tensor Planes(ChunkJob job)
    {
        int side = job.Settings.Resolution,
            perFace = 3 * side * side;
        float[] planes = new float[job.Frames * perFace];
        for (int i = 0; i < job.Frames; i++)
        {
            new Media.Faces.Alignment.FaceImage(side, side, job.Faces[i]).CopyToPlanes(planes.AsSpan(i * perFace, perFace));
        }
        return tensor(planes, [job.Frames, 3, side, side]);
    }
}
