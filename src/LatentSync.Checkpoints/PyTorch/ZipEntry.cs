namespace LatentSync.Checkpoints.PyTorch;

/// <summary>One stored file of a zip archive.</summary>
/// <param name="Name">Path inside the archive.</param>
/// <param name="DataOffset">Position of its first byte in the zip file.</param>
/// <param name="Length">Its bytes in the zip file.</param>
/// <param name="Crc32">Checksum of its content as the directory states it.</param>
/// <param name="Method">0: stored as it is; anything else: compressed.</param>
internal sealed record ZipEntry(string Name, long DataOffset, long Length, uint Crc32, int Method);
