using System.Text.RegularExpressions;

namespace LatentSync.Platform.Loading;

/// <summary>What the dynamic loader said, read as data (glibc's and musl's wording; Windows' codes).</summary>
/// <param name="Cause">The kind of problem.</param>
/// <param name="Subject">The missing library, version or symbol; the file itself otherwise.</param>
/// <param name="RequiredBy">Which library asks for it, or null.</param>
/// <param name="Provider">The library that should have it and has not, or null.</param>
/// <param name="Line">The loader's own line.</param>
internal sealed partial record LoaderMessage(NativeLoadCause Cause, string Subject, string? RequiredBy, string? Provider, string Line)
{
    /// <summary>The first line that says something known, or null.</summary>
    /// <param name="message">The text of the exception of NativeLibrary.Load: several attempts, one per line.</param>
    public static LoaderMessage? Parse(string message)
    {
        LoaderMessage? fileMissing = null;
        foreach (string raw in message.Split('\n'))
        {
            LoaderMessage? parsed = ParseLine(raw.Trim());
            // .NET tries name variations ("x.so.so"), each of which is "missing"; another cause on another line is the true one.
            if (parsed is { Cause: not NativeLoadCause.DependencyMissing })
            {
                return parsed;
            }
            fileMissing ??= parsed;
        }
        return fileMissing;
    }

    private static LoaderMessage? ParseLine(string line)
    {
        if (VersionNotFound().Match(line) is { Success: true } version)
        {
            return new(
                NativeLoadCause.SymbolVersionMissing,
                version.Groups["version"].Value,
                version.Groups["by"].Value,
                version.Groups["provider"].Value,
                line
            );
        }
        if (UndefinedSymbol().Match(line) is { Success: true } symbol)
        {
            return new(NativeLoadCause.SymbolMissing, symbol.Groups["symbol"].Value, symbol.Groups["by"].Value, null, line);
        }
        if (Damaged().Match(line) is { Success: true } damaged)
        {
            bool isClass = line.Contains("ELF class", StringComparison.Ordinal);
            return new(
                isClass ? NativeLoadCause.WrongArchitecture : NativeLoadCause.FileDamaged,
                damaged.Groups["file"].Value,
                null,
                null,
                line
            );
        }
        if (Refused().Match(line) is { Success: true } refused)
        {
            return new(NativeLoadCause.Refused, refused.Groups["file"].Value, null, null, line);
        }
        if (CannotOpen().Match(line) is { Success: true } missing)
        {
            return new(NativeLoadCause.DependencyMissing, missing.Groups["file"].Value, null, null, line);
        }
        return null;
    }

    [GeneratedRegex(@"^(?<provider>[^:]+): version [`'](?<version>[^']+)' not found \(required by (?<by>[^)]+)\)")]
    private static partial Regex VersionNotFound();

    [GeneratedRegex(@"^(?<by>[^:]+): undefined symbol: (?<symbol>[^\s,(]+)")]
    private static partial Regex UndefinedSymbol();

    [GeneratedRegex(
        @"^(?<file>[^:]+): (invalid ELF header|file too short|wrong ELF class|ELF file OS ABI invalid|cannot read file data|object file has no loadable segments|only ET_DYN and ET_EXEC can be loaded|ELF load command|cannot dynamically load)"
    )]
    private static partial Regex Damaged();

    [GeneratedRegex(
        @"^(?<file>[^:]+): (failed to map segment|cannot enable executable stack|cannot apply additional memory protection|cannot make segment writable|cannot open shared object file: (Permission denied|Operation not permitted))"
    )]
    private static partial Regex Refused();

    [GeneratedRegex(@"^(Error loading shared library )?(?<file>[^\s:]+): (cannot open shared object file|No such file or directory)")]
    private static partial Regex CannotOpen();
}
