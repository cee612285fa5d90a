using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LatentSync.Foundation.Files;

/// <summary>What Windows says about a name, through a handle that may neither read nor write.</summary>
internal static partial class WindowsFileStatus
{
    private const uint ShareAll = 7; // read, write, delete
    private const uint OpenExisting = 3;
    private const uint AlsoFolders = 0x0200_0000; // FILE_FLAG_BACKUP_SEMANTICS
    private const uint Disk = 1; // FILE_TYPE_DISK
    private const uint FolderAttribute = 0x10;
    private const int IdInformation = 18; // FileIdInfo

    internal static FileStatus? Of(string path)
    {
        using SafeFileHandle handle = Open(path, 0, ShareAll, 0, OpenExisting, AlsoFolders, 0);
        if (handle.IsInvalid)
        {
            return null;
        }
        Basic basic = default;
        if (TypeOf(handle) != Disk || Describe(handle, ref basic) == 0)
        {
            return new FileStatus(FileKind.Special, 0, default);
        }
        // The 128-bit id is ReFS's and NTFS's; a FAT disk knows the 64-bit index only.
        Id id = default;
        FileIdentity identity =
            DescribeId(handle, IdInformation, ref id, (uint)Marshal.SizeOf<Id>()) != 0
                ? new FileIdentity(id.Volume, new UInt128(id.High, id.Low))
                : new FileIdentity(basic.Volume, ((ulong)basic.IndexHigh << 32) | basic.IndexLow);
        bool isFolder = (basic.Attributes & FolderAttribute) != 0;
        return new FileStatus(
            isFolder ? FileKind.Folder : FileKind.Regular,
            isFolder ? 0 : ((long)basic.SizeHigh << 32) | basic.SizeLow,
            identity
        );
    }

    [LibraryImport("kernel32", EntryPoint = "CreateFileW", StringMarshalling = StringMarshalling.Utf16)]
    private static partial SafeFileHandle Open(
        string path,
        uint access,
        uint share,
        nint security,
        uint creation,
        uint flags,
        nint template
    );

    [LibraryImport("kernel32", EntryPoint = "GetFileType")]
    private static partial uint TypeOf(SafeFileHandle handle);

    [LibraryImport("kernel32", EntryPoint = "GetFileInformationByHandle")]
    private static partial int Describe(SafeFileHandle handle, ref Basic information);

    [LibraryImport("kernel32", EntryPoint = "GetFileInformationByHandleEx")]
    private static partial int DescribeId(SafeFileHandle handle, int kind, ref Id information, uint size);

    /// <summary>BY_HANDLE_FILE_INFORMATION.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 52)]
    private struct Basic
    {
        [FieldOffset(0)]
        public uint Attributes;

        [FieldOffset(28)]
        public uint Volume;

        [FieldOffset(32)]
        public uint SizeHigh;

        [FieldOffset(36)]
        public uint SizeLow;

        [FieldOffset(44)]
        public uint IndexHigh;

        [FieldOffset(48)]
        public uint IndexLow;
    }

    /// <summary>FILE_ID_INFO.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Id
    {
        public ulong Volume;
        public ulong Low;
        public ulong High;
    }
}
