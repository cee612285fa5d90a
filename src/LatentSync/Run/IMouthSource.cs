using LatentSync.Chunks;
using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Run;

/// <summary>Makes the generated faces of a chunk.</summary>
internal interface IMouthSource : IDisposable
{
    /// <summary>The seed in use.</summary>
    long Seed { get; }

    /// <summary>Mean time of one denoising step; null when fewer than two steps ran in a row.</summary>
    double? SecondsPerStep { get; }

    /// <summary>The output is complete and in place.</summary>
    void Complete();

    /// <summary>Generates.</summary>
    /// <param name="chunk">Consecutive network frames with their aligned faces.</param>
    /// <param name="cancellationToken">Checked at every network step.</param>
    /// <returns>One (3, R, R) array in [-1, 1] per frame.</returns>
    IReadOnlyList<Half[]> Generate(Chunk<AlignedFace> chunk, CancellationToken cancellationToken);
}
