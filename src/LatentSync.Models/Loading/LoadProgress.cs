namespace LatentSync.Models.Loading;

/// <summary>How far loading has come.</summary>
/// <param name="LoadedBytes">Bytes of parameters filled so far, counted in the network's dtype.</param>
/// <param name="TotalBytes">Bytes that will be filled.</param>
public readonly record struct LoadProgress(long LoadedBytes, long TotalBytes);
