using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LatentSync.Platform.LibTorch;

/// <summary>A file in memory that the dynamic loader can open by a path (Linux, memfd_create): the last place for a repaired
/// library when nothing on disk can be written, as in a read-only container.</summary>
internal sealed partial class MemoryFile : IDisposable
{
    private readonly SafeFileHandle _handle;

    private MemoryFile(SafeFileHandle handle)
    {
        _handle = handle;
        Path = FormattableString.Invariant($"/proc/self/fd/{handle.DangerousGetHandle()}");
    }

    /// <summary>The path, valid until disposal; what was loaded from it stays loaded.</summary>
    public string Path { get; }

    /// <summary>Makes the file.</summary>
    /// <exception cref="PlatformNotSupportedException">This system has no files in memory.</exception>
    /// <exception cref="IOException">The system refuses.</exception>
    public static MemoryFile Create(string name, ReadOnlySpan<byte> content)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PlatformNotSupportedException("Files in memory exist on Linux only.");
        }
        const uint CloseOnExec = 1;
        int descriptor = CreateDescriptor(name, CloseOnExec);
        if (descriptor < 0)
        {
            throw new IOException($"memfd_create failed: {Marshal.GetLastPInvokeErrorMessage()}");
        }
        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        RandomAccess.Write(handle, content, 0);
        return new MemoryFile(handle);
    }

    public void Dispose() => _handle.Dispose();

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int CreateDescriptor(string name, uint flags);
}
