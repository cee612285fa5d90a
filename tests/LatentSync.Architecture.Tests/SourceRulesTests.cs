using System.Text.RegularExpressions;
using LatentSync.Testing;

namespace LatentSync.Architecture.Tests;

/// <summary>Rules of the sources that no analyzer knows.</summary>
public sealed partial class SourceRulesTests
{
    private static readonly string[] FolderNamesThatSayNothing = ["Utils", "Helpers", "Common", "Managers", "Misc"];

    /// <summary>Files that may open a file without asking what it is: the system's own pseudo files, which no user names, and the one
    /// opener.</summary>
    private static readonly string[] RawReaders =
    [
        "src/LatentSync.Foundation/Files/InputFile.cs",
        "src/LatentSync.Foundation/Files/PartialFile.cs",
        "src/LatentSync.Foundation/Files/PartialFileLock.cs",
        "src/LatentSync.Platform/Machines/",
        "src/LatentSync.Platform/Loading/MappedLibraries.cs",
        "src/LatentSync.Attention.Torch/Devices/PeakMemory.cs",
        "src/LatentSync.Attention.Torch/Devices/FreeMemory.cs",
    ];

    /// <summary>Files that may write without <c>PartialFile</c>: itself, and what writes to the system's pseudo files or into a new private
    /// folder.</summary>
    private static readonly string[] RawWriters =
    [
        "src/LatentSync.Foundation/Files/PartialFile.cs",
        "src/LatentSync.Foundation/Files/PartialFileLock.cs",
        "src/LatentSync.Attention.Torch/Devices/PeakMemory.cs",
        "src/LatentSync.Platform/LibTorch/RepairedLibraryCache.cs",
        // Goes on with what an earlier fetch left.
        "src/LatentSync.Weights/Transfer/PartialDownload.cs",
    ];

    public static TheoryData<string> SourceFiles() =>
        [
            .. Directory
                .GetFiles(RepositoryRoot.PathOf("src"), "*.cs", SearchOption.AllDirectories)
                .Select(f => Path.GetRelativePath(RepositoryRoot.Find(), f))
                .Order(),
        ];

    [Theory]
    [MemberData(nameof(SourceFiles))]
    public void SourceFile_StaysReadable(string file)
    {
        string[] lines = File.ReadAllLines(RepositoryRoot.PathOf(file));
        Assert.True(lines.Length <= 480, $"{file} has {lines.Length} lines: look for its second subject.");
        Assert.DoesNotContain(lines, l => l.TrimStart().StartsWith("#region", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, l => UnnumberedTodo().IsMatch(l));
        Assert.DoesNotContain(file.Split('/', '\\'), part => FolderNamesThatSayNothing.Contains(part));
    }

    [Theory]
    [MemberData(nameof(SourceFiles))]
    public void SourceFile_Namespace_FollowsItsFolder(string file)
    {
        string text = File.ReadAllText(RepositoryRoot.PathOf(file));
        Match found = NamespaceLine().Match(text);
        if (!found.Success)
        {
            return;
        }
        // Registrations stand where the framework's own do, so that services.Add... is found without a using.
        if (file.EndsWith("Extensions.cs", StringComparison.Ordinal) && found.Groups[1].Value == "Microsoft.Extensions.DependencyInjection")
        {
            return;
        }
        string[] parts = Path.GetDirectoryName(file)!.Split('/', '\\')[1..];
        Assert.Equal(string.Join('.', parts), found.Groups[1].Value);
    }

    [Theory]
    [MemberData(nameof(SourceFiles))]
    public void SourceFile_ReadsFiles_ThroughInputFile(string file)
    {
        string path = file.Replace('\\', '/');
        if (!RawReaders.Any(allowed => path.StartsWith(allowed, StringComparison.Ordinal)))
        {
            string[] lines =
            [
                .. File.ReadAllLines(RepositoryRoot.PathOf(file))
                    .Where(line => RawRead().IsMatch(line) && !line.Contains("FileAccess.Write", StringComparison.Ordinal)),
            ];
            Assert.True(
                lines.Length == 0,
                $"{file} opens a file that may be a pipe, a device or endless: use LatentSync.Foundation.Files.InputFile.\n{string.Join('\n', lines)}"
            );
        }
    }

    [Theory]
    [MemberData(nameof(SourceFiles))]
    public void SourceFile_WritesFiles_ThroughPartialFile(string file)
    {
        if (!RawWriters.Contains(file.Replace('\\', '/')))
        {
            string[] lines = [.. File.ReadAllLines(RepositoryRoot.PathOf(file)).Where(line => RawWrite().IsMatch(line))];
            Assert.True(
                lines.Length == 0,
                $"{file} writes a file that could be left half: use LatentSync.Foundation.Files.PartialFile.\n{string.Join('\n', lines)}"
            );
        }
    }

    /// <summary>Code is broken by the formatter (.csharpierrc.yaml); it leaves comments alone.</summary>
    [Theory]
    [MemberData(nameof(SourceFiles))]
    public void Comments_AreNoLongerThanCode(string file)
    {
        string[] lines = File.ReadAllLines(RepositoryRoot.PathOf(file));
        Assert.DoesNotContain(lines, line => line.Length > 140 && line.TrimStart().StartsWith("//", StringComparison.Ordinal));
    }

    [GeneratedRegex(
        @"(?<!\w)File\.(OpenRead|OpenText|OpenHandle|Open\(|ReadAll\w+|ReadLines\w*)|new FileStream\(path, FileMode\.Open|FileMode\.Open\b|new StreamReader\((?:path|full|file)\w*\b|MemoryMappedFile\.CreateFromFile|JsonDocument\.Parse\(File"
    )]
    private static partial Regex RawRead();

    [GeneratedRegex(
        @"(?<!\w)File\.(Create\b|CreateText|WriteAll\w+|AppendAll\w+|AppendText|OpenWrite|Move|Replace|Copy)\(|FileMode\.(Create|CreateNew|OpenOrCreate|Append|Truncate)\b"
    )]
    private static partial Regex RawWrite();

    [GeneratedRegex(@"\bTODO\b(?!\s*\(?#\d+)")]
    private static partial Regex UnnumberedTodo();

    [GeneratedRegex(@"^namespace\s+([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();
}
