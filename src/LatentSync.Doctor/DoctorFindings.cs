namespace LatentSync.Doctor;

/// <summary>The ffmpeg of this machine, as the media layer found it.</summary>
/// <param name="FfmpegPath">Full path of ffmpeg.</param>
/// <param name="FfprobePath">Full path of ffprobe; null when it is missing.</param>
/// <param name="Version">As it names itself, "5.1.9-0+deb12u1".</param>
/// <param name="Encoders">The encoders that LatentSync uses, and whether this build has them.</param>
public sealed record FfmpegFinding(string FfmpegPath, string? FfprobePath, string Version, IReadOnlyDictionary<string, bool> Encoders);

/// <summary>A face detector, and whether its model is there.</summary>
/// <param name="Name">As for <see cref="SyncOptions.Detector"/>: "insightface", "yunet", "dlib", "haar".</param>
/// <param name="Available">Its model files are there.</param>
/// <param name="Detail">The files found, or what is missing.</param>
/// <param name="Remedy">How to get it; null when available.</param>
public sealed record DetectorFinding(string Name, bool Available, string Detail, string? Remedy = null);

/// <summary>libtorch after it was loaded and asked to compute.</summary>
/// <param name="Load">How it came in.</param>
/// <param name="LargestError">Largest absolute error of the test product, which must be 0.</param>
/// <param name="HasCuda">libtorch itself says that it can use a CUDA device.</param>
public sealed record TorchFinding(Platform.LibTorch.LibTorchLoad Load, double LargestError, bool HasCuda);
