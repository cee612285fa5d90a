using System.Globalization;

namespace LatentSync.Attention.Machines;

/// <summary>Versions as libraries write them.</summary>
public static class Versions
{
    /// <summary>The numbers at the start of a version: 2.10.0 of "2.10.0+cu128", 2.9.0 of "2.9.0a0", 9.10.2.21 of "9.10.2.21".</summary>
    /// <param name="text">The version; null gives null.</param>
    /// <returns>null when it does not start with "major.minor".</returns>
    public static Version? Parse(string? text)
    {
        Span<int> parts = [0, 0, 0, 0];
        int count = 0;
        ReadOnlySpan<char> rest = text.AsSpan().Trim();
        while (count < parts.Length && rest.Length > 0)
        {
            int digits = rest.IndexOfAnyExceptInRange('0', '9') is >= 0 and var end ? end : rest.Length;
            if (!int.TryParse(rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out parts[count]))
            {
                break;
            }
            count++;
            if (digits == rest.Length || rest[digits] != '.')
            {
                break;
            }
            rest = rest[(digits + 1)..];
        }
        return count < 2 ? null
            : count < 4 ? new Version(parts[0], parts[1], parts[2])
            : new Version(parts[0], parts[1], parts[2], parts[3]);
    }
}
