namespace LatentSync.Platform.LibTorch;

/// <summary>Where libtorch and the bridge lie.</summary>
/// <param name="Folder">The folder of libtorch_cpu.</param>
/// <param name="BridgePath">TorchSharp's native library.</param>
/// <param name="IsExternal">The folder was given, not found beside the program.</param>
internal sealed record LibTorchLocation(string Folder, string BridgePath, bool IsExternal);
