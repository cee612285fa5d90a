using System.Runtime.InteropServices;

namespace LatentSync.Foundation.Files;

/// <summary>Puts a folder's entries on the disk, so that a renamed file is there after a power cut.</summary>
public static partial class FolderFlush
{
    /// <summary>Does what the system can do; a failure changes nothing about what is visible now and is passed over.</summary>
    /// <param name="folder">The folder.</param>
    public static void ToDisk(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // NTFS keeps a journal of its folders
        }
        int handle = Open(folder, 0);
        if (handle >= 0)
        {
            _ = Flush(handle);
            _ = Close(handle);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Flush(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int handle);
}
