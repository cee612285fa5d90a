namespace LatentSync.Media.Video.Probing;

/// <summary>A chapter of a file.</summary>
/// <param name="Start">Its begin, from the file's first moment.</param>
/// <param name="End">Its end, likewise.</param>
/// <param name="HasTitle">It has a name.</param>
internal sealed record MediaChapter(TimeSpan Start, TimeSpan End, bool HasTitle);
