using System.Globalization;
using System.Runtime.InteropServices;

namespace LatentSync.Attention.Torch.Devices;

/// <summary>Main memory that a piece of work takes at its peak. On Linux only: the kernel's high-water mark of resident memory is reset
/// first, and the C library gives back what it keeps for later, so that memory which the work reuses counts too.</summary>
public static class PeakMemory
{
    private const string Status = "/proc/self/status",
        ClearRefs = "/proc/self/clear_refs";

    private delegate int TrimHeap(nuint keep);

    private static readonly Lazy<TrimHeap?> Trim = new(FindTrim);

    private static readonly Lazy<bool> Works = new(TryReset);

    /// <summary>Peak memory can be measured in this process.</summary>
    public static bool IsAvailable => Works.Value;

    /// <summary>Runs the work and tells by how many bytes resident memory rose above its start. Other threads of the process that
    /// allocate meanwhile are counted too. Page tables and rounding add up to a few hundred KiB.</summary>
    /// <param name="work">What to measure. Run it once before, so that libraries' own lasting workspaces are not counted.</param>
    /// <returns>null when it cannot be measured here; the work ran all the same.</returns>
    public static long? Of(Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        if (!IsAvailable)
        {
            work();
            return null;
        }
        Trim.Value?.Invoke(0);
        Reset();
        long before = Read("VmRSS:");
        work();
        return Math.Max(Read("VmHWM:") - before, 0);
    }

    private static bool TryReset()
    {
        if (!OperatingSystem.IsLinux() || !File.Exists(ClearRefs))
        {
            return false;
        }
        try
        {
            Reset();
            return Read("VmHWM:") > 0;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return false;
        }
    }

    /// <summary>The high-water mark starts again from here; proc(5), clear_refs, value 5.</summary>
    private static void Reset() => File.WriteAllText(ClearRefs, "5");

    private static long Read(string name)
    {
        foreach (string line in File.ReadLines(Status))
        {
            if (line.StartsWith(name, StringComparison.Ordinal))
            {
                return long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
            }
        }
        throw new InvalidDataException($"{Status} has no {name}");
    }

    /// <summary>glibc's <c>malloc_trim</c>; other C libraries give memory back by themselves.</summary>
    private static TrimHeap? FindTrim() =>
        NativeLibrary.TryLoad("libc.so.6", out nint library) && NativeLibrary.TryGetExport(library, "malloc_trim", out nint function)
            ? Marshal.GetDelegateForFunctionPointer<TrimHeap>(function)
            : null;
}
