namespace LatentSync.Testing;

/// <summary>Where the repository lies, found from a running test.</summary>
public static class RepositoryRoot
{
    /// <summary>Full path of the folder that holds LatentSync.slnx, searched upwards from the test's executable.</summary>
    /// <exception cref="DirectoryNotFoundException">No folder above the executable holds it.</exception>
    public static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "LatentSync.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"No folder above {AppContext.BaseDirectory} holds LatentSync.slnx; run the tests from a checkout.");
    }
}
