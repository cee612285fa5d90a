namespace LatentSync.Media.Audio;

/// <summary>A file's sound.</summary>
/// <param name="Samples">Mono, in -1..1.</param>
/// <param name="Warnings">What went wrong without stopping the reading: a truncated file, damaged packets.</param>
/// <param name="Notes">What was chosen in a whole recording: one channel in place of the mix.</param>
public sealed record DecodedSound(float[] Samples, IReadOnlyList<string> Warnings, IReadOnlyList<string> Notes);
