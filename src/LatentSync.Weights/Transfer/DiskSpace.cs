namespace LatentSync.Weights.Transfer;

/// <summary>How much room a disk has.</summary>
internal static class DiskSpace
{
    /// <summary>Free bytes where a folder is or will be; null: not known.</summary>
    internal static long? Free(string folder)
    {
        try
        {
            string? there = Path.GetFullPath(folder);
            while (there is not null && !Directory.Exists(there))
            {
                there = Path.GetDirectoryName(there);
            }
            return there is null ? null : new DriveInfo(there).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
