namespace LatentSync.Checkpoints.Tests;

/// <summary>A folder that exists as long as its test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder() => Path = Directory.CreateTempSubdirectory("latentsync-checkpoints-").FullName;

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public string Write(string name, byte[] content)
    {
        string path = File(name);

        // Truncating a file makes ext4 flush its new content to the disk when it is closed; thousands of mutants would wait for that.
        System.IO.File.Delete(path);
        System.IO.File.WriteAllBytes(path, content);
        return path;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
