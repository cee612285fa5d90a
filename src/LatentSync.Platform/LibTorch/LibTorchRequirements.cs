namespace LatentSync.Platform.LibTorch;

/// <summary>What TorchSharp's native library asks of a system; for describing machines, where nothing can be loaded to see.</summary>
public static class LibTorchRequirements
{
    /// <summary>The libtorch that TorchSharp's bridge was built against, "2.10.0".</summary>
    public static string LibTorch => LibTorchVersion.Expected;

    /// <summary>The TorchSharp this program was built with, "0.107.0".</summary>
    public static string TorchSharp => LibTorchVersion.TorchSharp;

    /// <summary>The oldest glibc that the bridge loads on (Linux): it needs pthread_cond_clockwait of this version.</summary>
    public static Version Glibc { get; } = new(2, 34);

    /// <summary>The oldest libstdc++ that the bridge loads on (Linux), by its newest GLIBCXX version: it needs condition_variable::wait of
    /// this one. The GLIBCXX_3.4.32 that it also asks for is repaired.</summary>
    public static Version Glibcxx { get; } = new(3, 4, 30);
}
