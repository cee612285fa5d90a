using LatentSync.Foundation.Wording;
using LatentSync.Platform.Elf;

namespace LatentSync.Platform.Loading;

/// <summary>Turns "could not be loaded" into a cause: from the file itself, from what it needs, and from what the loader said.</summary>
internal static class NativeLoadDiagnosis
{
    /// <summary>Why a file cannot be a loadable library of this machine; null when its first bytes show nothing wrong.</summary>
    public static NativeLoadFailure? ExamineFile(string path)
    {
        if (!File.Exists(path))
        {
            return new NativeLoadFailure(
                NativeLoadCause.FileMissing,
                path,
                Sentence.Say("no such file"),
                Sentence.Say("the library"),
                Sentence.Say("reinstall or rebuild the program: its folder is incomplete")
            );
        }
        BinaryIdentity identity;
        try
        {
            identity = BinaryIdentity.Read(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return new NativeLoadFailure(
                NativeLoadCause.Refused,
                path,
                failure.Message,
                Sentence.Say("a file this user may read"),
                Sentence.Say($"give this user permission to read {path}")
            );
        }
        string format =
            OperatingSystem.IsWindows() ? "PE"
            : OperatingSystem.IsMacOS() ? "Mach-O"
            : "ELF";
        string here = $"{format} for {BinaryIdentity.ProcessArchitecture}";
        if (identity.Format == "unknown")
        {
            return new NativeLoadFailure(
                NativeLoadCause.FileDamaged,
                path,
                Sentence.Say("a file that is not a library"),
                Sentence.Say($"an {here} library"),
                Reinstall(path)
            );
        }
        if (identity.Format != format || (identity.Architecture is { } architecture && architecture != BinaryIdentity.ProcessArchitecture))
        {
            string found = Sentence.Say($"a library for {identity.Architecture ?? "?"} ({identity.Format})");
            return new NativeLoadFailure(
                NativeLoadCause.WrongArchitecture,
                path,
                found,
                Sentence.Say($"an {here} library"),
                Sentence.Say(
                    $"give the build of this library for {BinaryIdentity.ProcessArchitecture}, or run the program with the .NET runtime of the library's architecture"
                )
            );
        }
        return null;
    }

    /// <summary>The cause of a failed load.</summary>
    /// <param name="path">The library that was to be loaded.</param>
    /// <param name="thrown">What the system threw.</param>
    /// <param name="search">Where its dependencies would be found.</param>
    public static NativeLoadFailure Diagnose(string path, Exception thrown, DependencySearch search)
    {
        if (ExamineFile(path) is { } plain)
        {
            return plain;
        }
        if (OperatingSystem.IsLinux())
        {
            try
            {
                DependencyGraph graph = DependencyGraph.Build([path], search);
                if (graph.Missing.Count > 0)
                {
                    return Missing(graph.Missing);
                }
                if (graph.VersionProblems.Count > 0)
                {
                    return Version(graph.VersionProblems[0]);
                }
            }
            catch (ElfFormatException damaged)
            {
                return new NativeLoadFailure(
                    NativeLoadCause.FileDamaged,
                    damaged.File,
                    damaged.Message,
                    Sentence.Say("an intact library"),
                    Reinstall(damaged.File)
                );
            }
        }
        return LoaderMessage.Parse(thrown.Message) is { } message ? Said(path, message) : Unknown(path, thrown);
    }

    public static NativeLoadFailure Missing(IReadOnlyList<MissingDependency> missing)
    {
        string names = string.Join(", ", missing.Select(item => item.Name));
        string remedies = string.Join("; ", missing.Select(item => LibraryPackages.Remedy(item.Name)).Distinct());
        return new NativeLoadFailure(
            NativeLoadCause.DependencyMissing,
            missing[0].RequiredBy,
            Sentence.Say(missing.Count == 1 ? (Sentence)$"{names} is missing on this system" : $"{names} are missing on this system"),
            Sentence.Say($"every library that {Path.GetFileName(missing[0].RequiredBy)} names"),
            remedies
        )
        {
            Subject = missing[0].Name,
        };
    }

    public static NativeLoadFailure Version(VersionProblem problem)
    {
        bool isGlibc = problem.Need.Version.StartsWith("GLIBC_", StringComparison.Ordinal);
        return new NativeLoadFailure(
            NativeLoadCause.SymbolVersionMissing,
            problem.Library,
            Sentence.Say($"{problem.Provider} with versions up to {problem.Newest ?? "?"}"),
            Sentence.Say($"{problem.Need.Version} of {problem.Need.File}"),
            isGlibc
                ? Sentence.Say(
                    "use a newer Linux (Debian 12, Ubuntu 22.04, Fedora 36 or later), or a container of one: glibc cannot be replaced"
                )
                : Sentence.Say($"install a newer {problem.Need.File} (a newer distribution, or conda's libstdcxx-ng by LD_LIBRARY_PATH)")
        )
        {
            Subject = problem.Need.Version,
        };
    }

    private static NativeLoadFailure Said(string path, LoaderMessage message) =>
        message.Cause switch
        {
            NativeLoadCause.SymbolVersionMissing => Version(
                new VersionProblem(
                    message.RequiredBy ?? path,
                    new VersionNeed(Path.GetFileName(message.Provider ?? ""), message.Subject, false, 0, 0),
                    message.Provider ?? "",
                    null
                )
            ),
            NativeLoadCause.DependencyMissing => Missing([new MissingDependency(message.Subject, path)]),
            NativeLoadCause.SymbolMissing => new NativeLoadFailure(
                message.Cause,
                message.RequiredBy ?? path,
                Sentence.Say($"no symbol {message.Subject} in the libraries it was given"),
                Sentence.Say("libraries of the version it was built against"),
                Sentence.Say("give the version of the library that the program was built for")
            )
            {
                Subject = message.Subject,
            },
            NativeLoadCause.Refused => new NativeLoadFailure(
                message.Cause,
                path,
                Sentence.Say($"the system refuses it ({message.Line})"),
                Sentence.Say("a folder from which programs may run"),
                Sentence.Say("put the file on a file system without noexec and allow it in the system's security policy")
            ),
            _ => new NativeLoadFailure(
                message.Cause,
                path,
                message.Line,
                Sentence.Say("an intact library for this machine"),
                Reinstall(path)
            ),
        };

    private static NativeLoadFailure Unknown(string path, Exception thrown) =>
        new(
            NativeLoadCause.Unknown,
            path,
            thrown.Message.ReplaceLineEndings(" "),
            Sentence.Say("a library that the system loads"),
            OperatingSystem.IsWindows()
                ? Sentence.Say("install the Microsoft Visual C++ Redistributable (x64), then run the doctor again")
                : Sentence.Say("run the doctor with ⟦Verbose⟧ and report its trace")
        );

    private static string Reinstall(string path) => Sentence.Say($"replace {path} with an intact copy (restore or reinstall the program)");
}
