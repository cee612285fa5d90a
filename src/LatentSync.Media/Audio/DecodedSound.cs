namespace LatentSync.Media.Audio;

/// <summary>A file's sound.</summary>
/// <param name="Samples">Mono, in -1..1.</param>
/// <param name="Warnings">What went wrong without stopping the reading: a truncated file, damaged packets.</param>
public sealed record DecodedSound(float[] Samples, IReadOnlyList<string> Warnings);
