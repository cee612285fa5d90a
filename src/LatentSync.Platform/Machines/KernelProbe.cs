using System.Runtime.InteropServices;

namespace LatentSync.Platform.Machines;

/// <summary>The kernel and, on Linux, the C library.</summary>
/// <param name="Kernel">"Linux 6.1.0-18-amd64"; of WSL and of containers too it is the kernel that really runs.</param>
/// <param name="Glibc">"2.36"; null where there is no glibc.</param>
public sealed record KernelFacts(string Kernel, string? Glibc)
{
    /// <summary>The kernel is the one of Windows' subsystem for Linux.</summary>
    public bool IsWsl => Kernel.Contains("microsoft", StringComparison.OrdinalIgnoreCase);
}

/// <summary>Reads which kernel runs.</summary>
internal static partial class KernelProbe
{
    /// <param name="root">"/" or a copy of such a tree.</param>
    public static KernelFacts Read(string root)
    {
        if (!OperatingSystem.IsLinux())
        {
            return new KernelFacts(RuntimeInformation.OSDescription, null);
        }
        string file = Path.Combine(root, "proc/sys/kernel/osrelease");
        string kernel = File.Exists(file) ? File.ReadAllText(file).Trim() : Environment.OSVersion.Version.ToString();
        return new KernelFacts($"Linux {kernel}", Glibc());
    }

    private static string? Glibc()
    {
        try
        {
            return Marshal.PtrToStringUTF8(GnuGetLibcVersion());
        }
        catch (Exception failure) when (failure is EntryPointNotFoundException or DllNotFoundException)
        {
            return null; // another C library (musl), which has no such function
        }
    }

    [LibraryImport("libc.so.6", EntryPoint = "gnu_get_libc_version")]
    private static partial nint GnuGetLibcVersion();
}
