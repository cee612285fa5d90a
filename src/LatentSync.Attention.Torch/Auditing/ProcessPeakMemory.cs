using System.Globalization;
using System.Runtime.InteropServices;

namespace LatentSync.Attention.Torch.Auditing;

/// <summary>The process's peak on Linux: its high-water mark, which can be set back. What the C library keeps of freed memory is given back
/// before, else the second call would use that and seem to take nothing.</summary>
/// <remarks>proc(5): writing 5 to clear_refs sets VmHWM to the present VmRSS (since Linux 4.0). malloc_trim(3) is glibc's.</remarks>
internal sealed class ProcessPeakMemory : PeakMemory
{
    private const string ClearFile = "/proc/self/clear_refs", StatusFile = "/proc/self/status";

    private readonly TrimMemory? _trim =
        NativeLibrary.TryLoad("libc.so.6", out nint library) && NativeLibrary.TryGetExport(library, "malloc_trim", out nint export)
            ? Marshal.GetDelegateForFunctionPointer<TrimMemory>(export)
            : null;

    private ProcessPeakMemory() { }

    private delegate int TrimMemory(nuint keptBytes);

    /// <inheritdoc/>
    internal override string Method => "high-water mark of the process (/proc/self/status)";

    /// <inheritdoc/>
    internal override long AllowedBeyondBytes => 0;

    /// <inheritdoc/>
    internal override long? FreeBytes => null;

    internal static ProcessPeakMemory? Create()
    {
        try
        {
            if (!OperatingSystem.IsLinux() || !File.Exists(ClearFile))
            {
                return null;
            }
            File.WriteAllText(ClearFile, "5");
            return new ProcessPeakMemory();
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return null; // some sandboxes show the file and do not let it be written
        }
    }

    /// <inheritdoc/>
    internal override long Measure(Action call)
    {
        call();
        _trim?.Invoke(0);
        File.WriteAllText(ClearFile, "5");
        long before = Read("VmRSS:");
        call();
        return Math.Max(Read("VmHWM:") - before, 0);
    }

    private static long Read(string name)
    {
        string line = File.ReadLines(StatusFile).First(line => line.StartsWith(name, StringComparison.Ordinal));
        return long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
