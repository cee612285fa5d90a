using LatentSync.Foundation.Wording;

namespace LatentSync.Platform.Loading;

/// <summary>Which package brings a library, on the systems .NET runs on.</summary>
internal static class LibraryPackages
{
    /// <summary>File name prefix, Debian package, Fedora package. The first match counts.</summary>
    private static readonly (string Prefix, string Debian, string Fedora)[] Known =
    [
        ("libgomp.so.1", "libgomp1", "libgomp"),
        ("libstdc++.so.6", "libstdc++6", "libstdc++"),
        ("libgcc_s.so.1", "libgcc-s1", "libgcc"),
        ("libnuma.so.1", "libnuma1", "numactl-libs"),
        ("libz.so.1", "zlib1g", "zlib"),
        ("libopenblas.so.0", "libopenblas0", "openblas"),
        ("libgfortran.so.5", "libgfortran5", "libgfortran"),
        ("libatomic.so.1", "libatomic1", "libatomic"),
        ("libomp.so.5", "libomp5", "libomp"),
        ("libGL.so.1", "libgl1", "mesa-libGL"),
        ("libglib-2.0.so.0", "libglib2.0-0", "glib2"),
        ("libgtk-3.so.0", "libgtk-3-0", "gtk3"),
        ("libgtk-x11-2.0.so.0", "libgtk2.0-0", "gtk2"),
        ("libfontconfig.so.1", "libfontconfig1", "fontconfig"),
        ("libfreetype.so.6", "libfreetype6", "freetype"),
        ("libtesseract.so", "libtesseract5", "tesseract-libs"),
    ];

    /// <summary>File name prefix and the Python wheel that carries it: how most people come by CUDA libraries.</summary>
    private static readonly (string Prefix, string Wheel)[] Cuda =
    [
        ("libcudart.so", "nvidia-cuda-runtime"),
        ("libcublas", "nvidia-cublas"),
        ("libcudnn", "nvidia-cudnn"),
        ("libcufft", "nvidia-cufft"),
        ("libcurand", "nvidia-curand"),
        ("libcusolver", "nvidia-cusolver"),
        ("libcusparseLt", "nvidia-cusparselt"),
        ("libcusparse", "nvidia-cusparse"),
        ("libcupti", "nvidia-cuda-cupti"),
        ("libnvrtc", "nvidia-cuda-nvrtc"),
        ("libnvJitLink", "nvidia-nvjitlink"),
        ("libnvToolsExt", "nvidia-nvtx"),
        ("libnvshmem", "nvidia-nvshmem"),
        ("libnccl", "nvidia-nccl"),
        ("libcufile", "nvidia-cufile"),
    ];

    /// <summary>What to do about a missing library, as an instruction.</summary>
    /// <param name="library">The name that is asked for, "libgomp.so.1".</param>
    public static string Remedy(string library)
    {
        foreach ((string prefix, string debian, string fedora) in Known)
        {
            if (library.StartsWith(prefix, StringComparison.Ordinal))
            {
                return Sentence.Say($"apt-get install {debian} (Debian, Ubuntu) or dnf install {fedora} (Fedora, RHEL)");
            }
        }
        if (library.StartsWith("libcuda.so", StringComparison.Ordinal) || library.StartsWith("libnvidia-", StringComparison.Ordinal))
        {
            return Sentence.Say("install the NVIDIA driver, or use a CPU build of libtorch");
        }
        foreach ((string prefix, string wheel) in Cuda)
        {
            if (library.StartsWith(prefix, StringComparison.Ordinal))
            {
                return Sentence.Say(
                    $"install the CUDA library {library} (pip: {wheel}) beside that libtorch, or use a CPU build of libtorch"
                );
            }
        }
        if (library.StartsWith("libmkl_", StringComparison.Ordinal))
        {
            return Sentence.Say("keep the Intel MKL libraries that this libtorch came with beside it");
        }
        if (library.StartsWith("ld-linux", StringComparison.Ordinal) || library.StartsWith("libc.so", StringComparison.Ordinal))
        {
            return Sentence.Say("use a Linux with glibc (Debian, Ubuntu, Fedora, ...): libtorch has no build for musl, as in Alpine");
        }
        return Sentence.Say($"install the package that contains {library} (Debian: apt-file search {library})");
    }
}
