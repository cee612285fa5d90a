namespace LatentSync.Platform;

/// <summary>Small files that others may read at any moment.</summary>
internal static class WholeFile
{
    /// <summary>Writes a file whole or not at all: whoever reads meanwhile sees the old content or the new one. An old file is replaced, a
    /// missing folder is made, nothing is left over after a failure.</summary>
    /// <param name="path">The file.</param>
    /// <param name="content">Its content.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    internal static void Write(string path, ReadOnlySpan<byte> content)
    {
        string full = Path.GetFullPath(path), folder = Path.GetDirectoryName(full)!;
        Directory.CreateDirectory(folder);
        string unfinished = Path.Combine(folder, $".{Path.GetFileName(full)}.{Environment.ProcessId}-{Guid.NewGuid():N}.tmp");
        try
        {
            using (FileStream file = new(unfinished, FileMode.CreateNew, FileAccess.Write))
            {
                file.Write(content);
                file.Flush(flushToDisk: true);
            }
            File.Move(unfinished, full, overwrite: true);
        }
        finally
        {
            File.Delete(unfinished); // there only after a failure
        }
    }
}
