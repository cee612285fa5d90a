using System.Globalization;
using LatentSync.Attention.Machines;

namespace LatentSync.Doctor.Machines;

/// <summary>The C and C++ libraries of a Linux distribution.</summary>
/// <param name="Glibc">glibc; null for musl.</param>
/// <param name="Glibcxx">Newest GLIBCXX version of its libstdc++; null for musl.</param>
internal sealed record SystemLibraries(Version? Glibc, Version? Glibcxx)
{
    /// <summary>Distributions by what their name contains, the release it begins with, its glibc, and its newest GLIBCXX (that of the GCC
    /// it was built with: 9 has 3.4.28, 10 also, 11 has 3.4.29, 12 has 3.4.30, 13 has 3.4.32, 14 has 3.4.33).</summary>
    private static readonly (string Name, double Release, string Glibc, int Glibcxx)[] Known =
    [
        ("ubuntu", 16.04, "2.23", 21),
        ("ubuntu", 18.04, "2.27", 25),
        ("ubuntu", 20.04, "2.31", 28),
        ("ubuntu", 22.04, "2.35", 30),
        ("ubuntu", 24.04, "2.39", 33),
        ("debian", 10, "2.28", 25),
        ("debian", 11, "2.31", 28),
        ("debian", 12, "2.36", 30),
        ("debian", 13, "2.41", 33),
        ("centos", 7, "2.17", 19),
        ("centos", 8, "2.28", 25),
        ("centos", 9, "2.34", 29),
        ("red hat", 7, "2.17", 19),
        ("red hat", 8, "2.28", 25),
        ("red hat", 9, "2.34", 29),
        ("red hat", 10, "2.39", 33),
        ("rhel", 7, "2.17", 19),
        ("rhel", 8, "2.28", 25),
        ("rhel", 9, "2.34", 29),
        ("rhel", 10, "2.39", 33),
        ("rocky", 8, "2.28", 25),
        ("rocky", 9, "2.34", 29),
        ("rocky", 10, "2.39", 33),
        ("alma", 8, "2.28", 25),
        ("alma", 9, "2.34", 29),
        ("alma", 10, "2.39", 33),
        ("amazon linux", 2, "2.26", 24),
        ("amazon linux", 2023, "2.34", 29),
    ];

    /// <summary>The libraries of a system by its name; null when it is not known (or not Linux).</summary>
    /// <param name="machine">Its <see cref="Machine.Os"/> is read: "linux Ubuntu 20.04.6 LTS".</param>
    public static SystemLibraries? Of(Machine machine)
    {
        string os = machine.Os.ToLowerInvariant();
        if (os.Contains("alpine", StringComparison.Ordinal))
        {
            return new SystemLibraries(null, null);
        }
        if (machine.OsFamily != OsFamily.Linux || Release(os) is not { } release)
        {
            return null;
        }
        // Releases between those of the table, such as Ubuntu 21.10, have the libraries of the one before at least.
        var entry = Known
            .Where(known => os.Contains(known.Name, StringComparison.Ordinal) && known.Release <= release)
            .OrderBy(known => known.Release)
            .LastOrDefault();
        return entry.Name is null ? null : new SystemLibraries(Version.Parse(entry.Glibc), new Version(3, 4, entry.Glibcxx));
    }

    private static double? Release(string os)
    {
        int start = os.IndexOfAny(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
        if (start < 0)
        {
            return null;
        }
        string number = new([.. os[start..].TakeWhile(c => char.IsAsciiDigit(c) || c == '.')]);
        string[] parts = number.Split('.');
        return double.TryParse(
            parts.Length > 1 && parts[1].Length > 0 ? $"{parts[0]}.{parts[1]}" : parts[0],
            NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture,
            out double release
        )
            ? release
            : null;
    }
}
