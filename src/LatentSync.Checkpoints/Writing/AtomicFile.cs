namespace LatentSync.Checkpoints.Writing;

/// <summary>Writes a file beside its target and renames it when it is complete: whoever opens the target sees the old file or the new one, whole.</summary>
internal static class AtomicFile
{
    /// <param name="path">The target; replaced if it exists.</param>
    /// <param name="write">Writes the content into a seekable stream.</param>
    /// <exception cref="IOException">The disk is full, the target is a folder, ...; the target is as it was and the partial file is gone.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string target = Path.GetFullPath(path);
        if (Directory.Exists(target))
        {
            throw new IOException($"{target} is a folder; a checkpoint needs the name of a file.");
        }
        string partial = Path.Combine(Path.GetDirectoryName(target)!, $".{Guid.NewGuid():N}.partial");
        try
        {
            using (FileStream stream = new(partial, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 64 * 1024))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(partial, target, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }
}
