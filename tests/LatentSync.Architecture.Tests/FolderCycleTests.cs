using System.Text.RegularExpressions;
using LatentSync.Testing;

namespace LatentSync.Architecture.Tests;

/// <summary>Folders of a project need each other one way. Left out: the project's own folder, which is its façade and may be used by its
/// parts, and a folder beside its own sub-folders, for the same reason.</summary>
public sealed partial class FolderCycleTests
{
    public static TheoryData<string> Projects() =>
        [.. Directory.GetDirectories(RepositoryRoot.PathOf("src")).Select(d => Path.GetFileName(d)).Order()];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Folders_OfAProject_HaveNoCycle(string project)
    {
        string root = RepositoryRoot.PathOf("src", project);
        Dictionary<string, string> sources = Directory
            .GetFiles(root, "*.cs", SearchOption.AllDirectories)
            .ToDictionary(file => Path.GetRelativePath(root, file).Replace('\\', '/'), File.ReadAllText);
        string[] cycle = FindCycle(sources);
        Assert.True(cycle.Length == 0, $"src/{project}: folders need each other in a circle:\n{string.Join('\n', cycle)}");
    }

    [Fact]
    public void Cycle_IsFoundAndNamesItsFiles()
    {
        string[] cycle = FindCycle(
            new Dictionary<string, string>
            {
                ["A/One.cs"] = "internal sealed class One\n{\n    private Two _two; // not Three\n}\n",
                ["B/Two.cs"] = "internal sealed class Two\n{\n    private Three _three;\n}\n",
                ["C/Three.cs"] = "internal sealed class Three\n{\n    private One _one;\n}\n",
                ["Face.cs"] = "public sealed class Face\n{\n    private One _one;\n}\n",
                ["D/Four.cs"] = "internal sealed class Four\n{\n    private Face _face;\n}\n",
            }
        );
        Assert.Equal(["A -> B: One.cs uses Two", "B -> C: Two.cs uses Three", "C -> A: Three.cs uses One"], cycle);
    }

    [Fact]
    public void OneWay_IsNoCycle() =>
        Assert.Empty(
            FindCycle(
                new Dictionary<string, string>
                {
                    ["A/One.cs"] = "internal sealed class One\n{\n    private string _name = \"Two\"; // as Two does\n}\n",
                    ["B/Two.cs"] = "internal sealed class Two\n{\n    private One _one;\n}\n",
                    ["B/Inner/Three.cs"] = "internal sealed class Three\n{\n    private Two _two;\n}\n",
                    ["B/Four.cs"] = "internal sealed class Four\n{\n    private Three _three;\n}\n",
                }
            )
        );

    /// <summary>The folders of the first cycle, one line for each step with a file that makes it; empty when there is none.</summary>
    private static string[] FindCycle(Dictionary<string, string> sources)
    {
        ILookup<string, string> folderOfType = sources
            .SelectMany(source =>
                Declaration().Matches(source.Value).Select(match => (Type: match.Groups[1].Value, Folder: FolderOf(source.Key)))
            )
            .ToLookup(pair => pair.Type, pair => pair.Folder);
        SortedDictionary<string, SortedDictionary<string, string>> uses = [];
        foreach ((string file, string text) in sources.OrderBy(source => source.Key, StringComparer.Ordinal))
        {
            string from = FolderOf(file);
            foreach (
                string type in Name()
                    .Matches(NotCode().Replace(text, " "))
                    .Select(match => match.Value)
                    .Distinct()
                    .Order(StringComparer.Ordinal)
            )
            {
                foreach (string to in folderOfType[type].Where(to => !AreFacadeAndPart(from, to)))
                {
                    if (!uses.TryGetValue(from, out SortedDictionary<string, string>? targets))
                    {
                        uses[from] = targets = [];
                    }
                    targets.TryAdd(to, $"{from} -> {to}: {Path.GetFileName(file)} uses {type}");
                }
            }
        }
        return uses.Keys.Select(start => Circle(uses, start)).FirstOrDefault(circle => circle.Length > 0) ?? [];
    }

    /// <summary>The shortest way from a folder back to itself.</summary>
    private static string[] Circle(SortedDictionary<string, SortedDictionary<string, string>> uses, string start)
    {
        Queue<(string Folder, string[] Steps)> open = new([(start, [])]);
        HashSet<string> seen = [];
        while (open.TryDequeue(out (string Folder, string[] Steps) at))
        {
            foreach ((string to, string step) in uses.GetValueOrDefault(at.Folder) ?? [])
            {
                if (to == start)
                {
                    return [.. at.Steps, step];
                }
                if (seen.Add(to))
                {
                    open.Enqueue((to, [.. at.Steps, step]));
                }
            }
        }
        return [];
    }

    private static string FolderOf(string file) => Path.GetDirectoryName(file)!.Replace('\\', '/');

    private static bool AreFacadeAndPart(string one, string other) =>
        one == other
        || one.Length == 0
        || other.Length == 0
        || one.StartsWith(other + "/", StringComparison.Ordinal)
        || other.StartsWith(one + "/", StringComparison.Ordinal);

    /// <summary>A type of a namespace: not indented.</summary>
    [GeneratedRegex(
        @"^(?:(?:public|internal|file|static|sealed|abstract|partial|readonly|ref|unsafe) )*(?:class|struct|record struct|record class|record|interface|enum) ([A-Z]\w*)",
        RegexOptions.Multiline
    )]
    private static partial Regex Declaration();

    [GeneratedRegex(@"\b[A-Z]\w*\b")]
    private static partial Regex Name();

    /// <summary>Comments, and strings of one line.</summary>
    [GeneratedRegex(@"//[^\n]*|""(?:\\.|[^""\\\n])*""")]
    private static partial Regex NotCode();
}
