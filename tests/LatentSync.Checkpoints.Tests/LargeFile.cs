namespace LatentSync.Checkpoints.Tests;

/// <summary>Files with holes, which take no room on file systems that know them.</summary>
internal static class LargeFile
{
    /// <summary>Lengthens a file by zeros; skips the test where that would fill the disk.</summary>
    public static void Extend(string path, long bytes)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Sparse files are made by File.SetLength on Linux only.");
        Assert.SkipUnless(new DriveInfo(Path.GetTempPath()).AvailableFreeSpace > bytes + (1L << 30), "Too little room on the disk.");
        using FileStream stream = new(path, FileMode.Open);
        stream.SetLength(stream.Length + bytes);
    }
}
