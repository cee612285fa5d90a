using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace LatentSync.Media.Tests.Video;

/// <summary>Test clips that were made before: the same command on the same input files gives a copy of the first one's file. Starting
/// ffmpeg costs more than most tests.</summary>
internal static class MadeFiles
{
    /// <summary>Files of a few seconds of small pictures; larger ones are not kept.</summary>
    private const long MaximumBytes = 4 << 20;

    private static readonly ConcurrentDictionary<string, byte[]> Known = [];

    /// <summary>Makes the file that the last argument names.</summary>
    /// <param name="input">What is fed, described.</param>
    /// <param name="arguments">Of ffmpeg.</param>
    /// <param name="make">Runs it.</param>
    public static async Task GetAsync(string[] input, string[] arguments, Func<Task> make)
    {
        string output = arguments[^1];
        string folder = Path.GetDirectoryName(output) ?? string.Empty;
        string? key = Key(input, arguments, output, folder);
        if (key is not null && Known.TryGetValue(key, out byte[]? content))
        {
            await File.WriteAllBytesAsync(output, content);
            return;
        }
        string[] before = key is null ? [] : Names(folder);
        await make();
        // A playlist with its parts, or a picture for each frame, is more than one file.
        if (key is not null && Names(folder).Except(before).All(name => name == output) && new FileInfo(output).Length <= MaximumBytes)
        {
            Known[key] = await File.ReadAllBytesAsync(output);
        }
    }

    private static string[] Names(string folder) => Directory.GetFiles(folder, "*", SearchOption.AllDirectories);

    /// <summary>The command without the folder's name, and what its input files hold; null where that does not tell the result: lists of
    /// files, pipes, numbered files.</summary>
    private static string? Key(string[] input, string[] arguments, string output, string folder)
    {
        if (!Path.IsPathRooted(output) || output.Contains('%', StringComparison.Ordinal) || arguments.Contains("concat"))
        {
            return null;
        }
        StringBuilder key = new(string.Join('\0', input));
        for (int i = 0; i < arguments.Length; i++)
        {
            key.Append('\0').Append(arguments[i].Replace(folder, "@", StringComparison.Ordinal));
            if (i + 1 < arguments.Length && File.Exists(arguments[i]))
            {
                key.Append('\0').Append(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(arguments[i]))));
            }
        }
        return key.ToString();
    }
}
