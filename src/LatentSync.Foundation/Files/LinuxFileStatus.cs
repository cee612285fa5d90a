using System.Runtime.InteropServices;

namespace LatentSync.Foundation.Files;

/// <summary>statx(2), whose structure is the same on every architecture.</summary>
internal static partial class LinuxFileStatus
{
    private const int CurrentFolder = -100; // AT_FDCWD
    private const uint BasicStatistics = 0x7FF; // STATX_BASIC_STATS

    internal static FileStatus? Of(string path)
    {
        Statx found = default;
        if (Ask(CurrentFolder, path, 0, BasicStatistics, ref found) != 0)
        {
            return null;
        }
        ulong volume = ((ulong)found.DeviceMajor << 32) | found.DeviceMinor;
        return new FileStatus(FileStatus.KindOf(found.Mode), (long)found.Size, new FileIdentity(volume, found.Inode));
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Ask(int folder, string path, int flags, uint mask, ref Statx status);

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Statx
    {
        [FieldOffset(28)]
        public ushort Mode;

        [FieldOffset(32)]
        public ulong Inode;

        [FieldOffset(40)]
        public ulong Size;

        [FieldOffset(136)]
        public uint DeviceMajor;

        [FieldOffset(140)]
        public uint DeviceMinor;
    }
}
