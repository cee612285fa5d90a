using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace LatentSync.Foundation.Files;

/// <summary>What the file system says about a name, links followed, without opening it: a named pipe cannot make it wait.</summary>
/// <param name="Kind">File, folder, or neither.</param>
/// <param name="Length">Bytes, of a regular file.</param>
/// <param name="Identity">Which file it is.</param>
public readonly record struct FileStatus(FileKind Kind, long Length, FileIdentity Identity)
{
    /// <summary>Asks the file system.</summary>
    /// <param name="path">Any path; a relative one counts from the current folder.</param>
    /// <returns>Null when nothing is there, when a link leads nowhere, or when the folder may not be searched.</returns>
    public static FileStatus? Of(string path)
    {
        if (string.IsNullOrEmpty(path) || path.Contains('\0', StringComparison.Ordinal))
        {
            return null;
        }
        try
        {
            return OperatingSystem.IsWindows() ? WindowsFileStatus.Of(path)
                : OperatingSystem.IsLinux() ? LinuxFileStatus.Of(path)
                : OperatingSystem.IsMacOS() ? MacFileStatus.Of(path)
                : Managed(path);
        }
        catch (EntryPointNotFoundException)
        {
            return Managed(path); // a C library from before statx
        }
    }

    /// <summary>The kind by the file type bits of a Unix mode.</summary>
    public static FileKind KindOf(uint mode) =>
        (mode & 0xF000) switch
        {
            0x8000 => FileKind.Regular,
            0x4000 => FileKind.Folder,
            _ => FileKind.Special,
        };

    /// <summary>Where no call to the system is known: told apart by the resolved path.</summary>
    private static FileStatus? Managed(string path)
    {
        if (ResolvedPath.Of(path) is not { } resolved)
        {
            return null;
        }
        UInt128 number = BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(resolved)));
        FileKind? kind =
            Directory.Exists(resolved) ? FileKind.Folder
            : File.Exists(resolved) ? FileKind.Regular
            : null;
        return kind is { } known
            ? new FileStatus(known, known == FileKind.Regular ? new FileInfo(resolved).Length : 0, new FileIdentity(0, number))
            : null;
    }
}
