namespace LatentSync.Platform.LibTorch;

/// <summary>File names of libtorch and of TorchSharp's bridge on one operating system.</summary>
/// <param name="Bridge">TorchSharp's native library.</param>
/// <param name="Cpu">The library that only a libtorch folder has.</param>
/// <param name="LoadOrder">What to load first, in order, where the files exist (macOS and Windows; on Linux the order is
/// computed from the files themselves).</param>
internal sealed record LibTorchNames(string Bridge, string Cpu, IReadOnlyList<string> LoadOrder)
{
    /// <summary>libtorch on Linux: the last one needs all others; the CUDA libraries are roots of their own.</summary>
    public static LibTorchNames Linux { get; } =
        new(
            "libLibTorchSharp.so",
            "libtorch_cpu.so",
            ["libc10.so", "libtorch_cpu.so", "libc10_cuda.so", "libtorch_cuda.so", "libtorch.so"]
        );

    public static LibTorchNames Windows { get; } =
        new(
            "LibTorchSharp.dll",
            "torch_cpu.dll",
            ["libiomp5md.dll", "c10.dll", "torch_cpu.dll", "c10_cuda.dll", "torch_cuda.dll", "torch.dll"]
        );

    public static LibTorchNames MacOs { get; } =
        new("libLibTorchSharp.dylib", "libtorch_cpu.dylib", ["libomp.dylib", "libc10.dylib", "libtorch_cpu.dylib", "libtorch.dylib"]);

    /// <summary>The names on this system.</summary>
    public static LibTorchNames Current =>
        OperatingSystem.IsWindows() ? Windows
        : OperatingSystem.IsMacOS() ? MacOs
        : Linux;
}
