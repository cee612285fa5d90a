using System.Runtime.InteropServices;

namespace LatentSync.Foundation.Files;

/// <summary>stat(2) of macOS with 64-bit inodes.</summary>
internal static partial class MacFileStatus
{
    internal static FileStatus? Of(string path)
    {
        Status found = default;
        int result = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? AskIntel(path, ref found) : Ask(path, ref found);
        return result == 0
            ? new FileStatus(FileStatus.KindOf(found.Mode), found.Size, new FileIdentity((uint)found.Device, found.Inode))
            : null;
    }

    [LibraryImport("libSystem.dylib", EntryPoint = "stat", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Ask(string path, ref Status status);

    [LibraryImport("libSystem.dylib", EntryPoint = "stat$INODE64", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int AskIntel(string path, ref Status status);

    [StructLayout(LayoutKind.Explicit, Size = 144)]
    private struct Status
    {
        [FieldOffset(0)]
        public int Device;

        [FieldOffset(4)]
        public ushort Mode;

        [FieldOffset(8)]
        public ulong Inode;

        [FieldOffset(96)]
        public long Size;
    }
}
