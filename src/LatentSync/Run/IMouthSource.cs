using LatentSync.Chunks;
using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Run;

/// <summary>Makes the generated faces of chunks, here or elsewhere.</summary>
internal interface IMouthSource : IDisposable
{
    /// <summary>What it is.</summary>
    MouthFacts Facts { get; }

    /// <summary>Mean time of one denoising step so far; null when fewer than two steps ran in a row.</summary>
    double? SecondsPerStep { get; }

    /// <summary>The output is complete and in place: what was kept for another attempt can go.</summary>
    /// <exception cref="IOException">It could not be deleted.</exception>
    void Complete();

    /// <summary>Begins a chunk; chunks are begun in order, at most <see cref="MouthFacts.Window"/> of them before the first has
    /// ended.</summary>
    /// <param name="chunk">Consecutive network frames with their aligned faces.</param>
    /// <param name="cancellationToken">Checked at every network step.</param>
    /// <returns>One (3, R, R) array in [-1, 1] per frame.</returns>
    Task<IReadOnlyList<Half[]>> GenerateAsync(Chunk<AlignedFace> chunk, CancellationToken cancellationToken);
}
