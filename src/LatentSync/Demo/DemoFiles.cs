namespace LatentSync.Demo;

/// <summary>Writes whole files: beside the target first, then moved into place.</summary>
internal static class DemoFiles
{
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        string partial = path + ".part";
        try
        {
            using (FileStream stream = new(partial, FileMode.Create, FileAccess.Write))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }
            File.Move(partial, path, overwrite: true);
        }
        catch
        {
            File.Delete(partial);
            throw;
        }
    }
}
