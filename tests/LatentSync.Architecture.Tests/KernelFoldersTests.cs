using System.Text.RegularExpressions;
using LatentSync.Testing;

namespace LatentSync.Architecture.Tests;

/// <summary>The folders of the managed kernels depend on each other one way. Only <c>FlashKernels</c>, outside of them, knows
/// all.</summary>
public sealed partial class KernelFoldersTests
{
    private static readonly Dictionary<string, string[]> AllowedFolders = new()
    {
        ["Micro"] = [],
        ["Threads"] = [],
        ["Calls"] = [],
        ["Memory"] = ["Micro", "Calls"],
        ["Planning"] = ["Micro", "Calls"],
        ["Blocks"] = ["Micro", "Threads", "Calls", "Memory", "Planning"],
        ["Forward"] = ["Micro", "Threads", "Calls", "Memory", "Planning", "Blocks"],
        ["Backward"] = ["Micro", "Threads", "Calls", "Memory", "Planning", "Blocks"],
        ["Decode"] = ["Micro", "Threads", "Calls", "Memory", "Planning", "Blocks"],
    };

    private static string Root => RepositoryRoot.PathOf("src", "LatentSync.Attention", "Kernels");

    public static TheoryData<string> Folders() => [.. Directory.GetDirectories(Root).Select(d => Path.GetFileName(d)).Order()];

    [Theory]
    [MemberData(nameof(Folders))]
    public void Folder_Uses_OnlyFoldersBelowIt(string folder)
    {
        Assert.True(
            AllowedFolders.TryGetValue(folder, out string[]? allowed),
            $"Kernels/{folder} is not in the table: add it where it belongs."
        );
        foreach (string file in Directory.GetFiles(Path.Combine(Root, folder), "*.cs"))
        {
            string text = File.ReadAllText(file),
                name = Path.GetFileName(file);
            Assert.True(
                Regex.IsMatch(text, $@"^namespace LatentSync\.Attention\.Kernels\.{folder};", RegexOptions.Multiline),
                $"{name} lies in {folder}; its namespace does not."
            );
            Assert.False(text.Contains("FlashKernels", StringComparison.Ordinal), $"{name} in {folder} must not use FlashKernels.");
            foreach (Match found in UsedFolder().Matches(text))
            {
                string other = found.Groups[1].Value;
                Assert.True(other == folder || allowed.Contains(other), $"{name} in {folder} must not use {other}.");
            }
        }
    }

    [GeneratedRegex(@"Attention\.Kernels\.(\w+)")]
    private static partial Regex UsedFolder();
}
