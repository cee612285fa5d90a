using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace LatentSync.Foundation.Files;

/// <summary>Removes what killed processes had begun to write. What a living one writes stays, whichever process it is.</summary>
public static partial class PartialFileSweep
{
    private static readonly ConcurrentDictionary<string, bool> Swept = new(StringComparer.Ordinal);

    /// <summary>Sweeps a folder, the first time that this process writes into it.</summary>
    public static void Once(string folder)
    {
        if (Swept.TryAdd(folder, true))
        {
            Sweep(folder);
        }
    }

    /// <summary>Sweeps a folder; what cannot be removed stays.</summary>
    /// <param name="folder">Full path; the folders in it are not entered.</param>
    public static void Sweep(string folder)
    {
        try
        {
            var found = Directory
                .GetFiles(folder, ".*.partial*", new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = true })
                .Select(file => (File: file, Name: Name().Match(Path.GetFileName(file))))
                .Where(file => file.Name.Success)
                .GroupBy(file => file.Name.Groups[1].Value, file => file.File, StringComparer.Ordinal);
            foreach (IGrouping<string, string> files in found)
            {
                Remove([.. files], Path.Combine(folder, files.Key + PartialFileLock.Extension));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A folder that may be written but not read: there is nothing to be found.
        }
    }

    private static void Remove(string[] files, string held)
    {
        string[] partials = [.. files.Where(file => file != held)];
        if (!PartialFileLock.IsAbandoned(held, partials))
        {
            return;
        }
        try
        {
            // The lock goes last: as long as it is there, what belongs to it can be found abandoned again.
            foreach (string partial in partials)
            {
                File.Delete(partial);
            }
            File.Delete(held);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another sweep was quicker, or the file is open on Windows.
        }
    }

    [GeneratedRegex(@"\A(\..*\.[0-9a-f]{12}\.partial)(\.[^.]*)?\z", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex Name();
}
