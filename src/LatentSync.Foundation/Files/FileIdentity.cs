namespace LatentSync.Foundation.Files;

/// <summary>One file, whatever names lead to it: links, hard links and the other spelling on a file system that ignores case
/// included.</summary>
/// <param name="Volume">The device number; on Windows the volume's serial number.</param>
/// <param name="Number">The inode; on Windows the file's 128-bit id.</param>
public readonly record struct FileIdentity(ulong Volume, UInt128 Number);
