namespace LatentSync.Platform.Tests.Children;

/// <summary>A copy of this test program in a folder of its own, to arrange its native libraries in other ways. libtorch is linked,
/// not copied: it has half a gigabyte.</summary>
internal sealed class ProgramCopy : IDisposable
{
    private readonly string _parent;

    public ProgramCopy()
    {
        _parent = Directory.CreateTempSubdirectory("latentsync-test-").FullName;
        Folder = Path.Combine(_parent, "app");
        Directory.CreateDirectory(Folder);
        Allow(_parent);
        foreach (string file in Directory.EnumerateFiles(ChildProcess.OwnFolder))
        {
            string copy = Path.Combine(Folder, Path.GetFileName(file));
            File.Copy(file, copy);
            File.SetUnixFileMode(copy, File.GetUnixFileMode(copy) | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
            if (Path.GetExtension(file).Length == 0 || file.EndsWith(".Tests", StringComparison.Ordinal))
            {
                Allow(copy);
            }
        }
    }

    public string Folder { get; }

    public string Bridge => Path.Combine(Folder, "libLibTorchSharp.so");

    /// <summary>A folder beside the program, outside of it.</summary>
    public string Beside(string name) => Path.Combine(_parent, name);

    /// <summary>Links the program's libtorch into a folder; "" is the program's own.</summary>
    public string LinkLibTorch(string folder)
    {
        string target = Path.Combine(Folder, folder);
        Directory.CreateDirectory(target);
        foreach (string file in Directory.EnumerateFiles(Path.Combine(ChildProcess.OwnFolder, "libtorch")))
        {
            File.CreateSymbolicLink(Path.Combine(target, Path.GetFileName(file)), file);
        }
        return target;
    }

    /// <summary>Nobody but root may write in the program's folder.</summary>
    public void MakeReadOnly()
    {
        foreach (string folder in Directory.EnumerateDirectories(Folder, "*", SearchOption.AllDirectories).Append(Folder))
        {
            File.SetUnixFileMode(folder, ReadAndEnter);
        }
    }

    public void Dispose()
    {
        foreach (string folder in Directory.EnumerateDirectories(Folder).Append(Folder))
        {
            File.SetUnixFileMode(folder, ReadAndEnter | UnixFileMode.UserWrite);
        }
        Directory.Delete(_parent, recursive: true);
    }

    private const UnixFileMode ReadAndEnter =
        UnixFileMode.UserRead
        | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead
        | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead
        | UnixFileMode.OtherExecute;

    private static void Allow(string path) => File.SetUnixFileMode(path, ReadAndEnter | UnixFileMode.UserWrite);
}
