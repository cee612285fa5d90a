using System.Text.Json;
using System.Text.RegularExpressions;
using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Json;
using LatentSync.Foundation.Wording;
using LatentSync.Weights.Faults;

namespace LatentSync.Weights.Catalogue;

/// <summary>Reads a catalogue that anybody may have written: every text bounded, every path below the folder, every address
/// https or http.</summary>
internal static partial class CatalogueReader
{
    private const int MaximumPackages = 1000,
        MaximumFiles = 200,
        MaximumText = 500;

    private static readonly string[] DeviceNames = ["con", "prn", "aux", "nul"];

    internal static IReadOnlyList<WeightPackage> Read(ReadOnlyMemory<byte> utf8, string source)
    {
        try
        {
            using JsonDocument document = StrictJson.Parse(utf8, maxDepth: 8, isLenient: true);
            Require(document.RootElement.ValueKind == JsonValueKind.Object, source, "it is no object");
            Known(document.RootElement, source, "catalogue", "format", "packages");
            Require(Number(document.RootElement, "format", source) == 1, source, "format is not 1");
            List<WeightPackage> packages =
            [
                .. Items(document.RootElement, "packages", MaximumPackages, source).Select(p => Package(p, source)),
            ];
            string? twice = packages.GroupBy(p => p.Name, StringComparer.OrdinalIgnoreCase).FirstOrDefault(g => g.Count() > 1)?.Key;
            Require(twice is null, source, $"two packages are named {twice}");
            return packages;
        }
        catch (JsonException exception)
        {
            throw Wrong(source, $"{StrictJson.Place(exception)}: {StrictJson.Problem(exception)}");
        }
    }

    internal static WeightsException Wrong(string source, string problem) =>
        new("WGT0101", FaultKind.Input, $"The catalogue {source} cannot be used: {PrintableText.Escape(problem)}.");

    /// <summary>A path that stays below its folder on every system.</summary>
    internal static bool IsSafePath(string path) =>
        path.Length is > 0 and <= MaximumText && path.Split('/').All(part => Part().IsMatch(part) && !IsDevice(part));

    private static bool IsDevice(string part)
    {
        string stem = part.Split('.')[0].ToLowerInvariant();
        return DeviceNames.Contains(stem) || Numbered().IsMatch(stem);
    }

    private static WeightPackage Package(JsonElement element, string source)
    {
        Require(element.ValueKind == JsonValueKind.Object, source, "a package is no object");
        string name = Text(element, "name", source);
        Require(Name().IsMatch(name), source, $"{PrintableText.Quote(name)} is no name: letters, digits, '.', '-' and '_' only");
        Known(element, source, name, "name", "title", "licence", "source", "includes", "files");
        JsonElement licence = Member(element, "licence", source);
        Require(licence.ValueKind == JsonValueKind.Object, source, $"the licence of {name} is no object");
        Known(licence, source, $"the licence of {name}", "name", "restricted", "terms");
        WeightPackage package = new()
        {
            Name = name,
            Title = Text(element, "title", source),
            Licence = new Licence(
                Text(licence, "name", source),
                Member(licence, "restricted", source).ValueKind switch
                {
                    JsonValueKind.True => true,
                    JsonValueKind.False => false,
                    _ => throw Wrong(source, $"restricted of {name} is neither true nor false"),
                },
                licence.TryGetProperty("terms", out _) ? Address(licence, "terms", source) : null
            ),
            Source = Text(element, "source", source),
            Includes = element.TryGetProperty("includes", out _)
                ? [.. Items(element, "includes", MaximumFiles, source).Select(i => AsText(i, "includes", source))]
                : [],
            Files = [.. Items(element, "files", MaximumFiles, source).Select(f => File(f, name, source))],
        };
        string[] results = [.. package.Files.SelectMany(f => f.Results.Append(f.Path).Distinct())];
        Require(
            results.Distinct(StringComparer.OrdinalIgnoreCase).Count() == results.Length,
            source,
            $"two files of {name} have the same path"
        );
        Require(package.Files.Count + package.Includes.Count > 0, source, $"{name} has no file");
        return package;
    }

    private static RemoteFile File(JsonElement element, string package, string source)
    {
        Require(element.ValueKind == JsonValueKind.Object, source, $"a file of {package} is no object");
        string path = SafePath(Text(element, "path", source), source);
        Known(element, source, path, "path", "repository", "revision", "file", "url", "bytes", "aboutBytes", "sha256", "unpack");
        bool isOnHub = element.TryGetProperty("repository", out _);
        Require(isOnHub != element.TryGetProperty("url", out _), source, $"{path} needs either repository or url");
        string? hash = element.TryGetProperty("sha256", out _) ? Text(element, "sha256", source) : null;
        Require(hash is null || RemoteFile.IsSha256(hash), source, $"sha256 of {path} is not 64 small hexadecimal digits");
        Dictionary<string, string> unpack = [];
        if (element.TryGetProperty("unpack", out JsonElement entries))
        {
            Require(entries.ValueKind == JsonValueKind.Object, source, $"unpack of {path} is no object");
            foreach (JsonProperty entry in entries.EnumerateObject().Take(MaximumFiles))
            {
                unpack.Add(entry.Name, SafePath(AsText(entry.Value, "unpack", source), source));
            }
        }
        string? repository = isOnHub ? Text(element, "repository", source) : null;
        Require(repository is null || Repository().IsMatch(repository), source, $"repository of {path} is not owner/name");
        string revision = element.TryGetProperty("revision", out _) ? Text(element, "revision", source) : "main";
        Require(Part().IsMatch(revision), source, $"revision of {path} has characters other than letters, digits, '.', '-' and '_'");
        return new RemoteFile
        {
            Path = path,
            Repository = repository,
            Revision = revision,
            RepositoryPath = isOnHub
                ? (element.TryGetProperty("file", out _) ? SafePath(Text(element, "file", source), source) : path)
                : null,
            Url = isOnHub ? null : Address(element, "url", source),
            Bytes = Length(element, "bytes", source),
            AboutBytes = Length(element, "aboutBytes", source),
            Sha256 = hash,
            Unpack = unpack,
        };
    }

    private static string SafePath(string path, string source)
    {
        Require(IsSafePath(path), source, $"{PrintableText.Quote(path)} is no plain relative path with forward slashes");
        return path;
    }

    private static Uri Address(JsonElement element, string name, string source)
    {
        string text = Text(element, name, source);
        bool isGood =
            Uri.TryCreate(text, UriKind.Absolute, out Uri? uri)
            && (uri.Scheme == Uri.UriSchemeHttps || uri.Scheme == Uri.UriSchemeHttp)
            && uri.UserInfo.Length == 0
            && uri.Host.Length > 0;
        Require(isGood, source, $"{PrintableText.Quote(text)} is no https or http address");
        return uri!;
    }

    private static long? Length(JsonElement element, string name, string source)
    {
        if (!element.TryGetProperty(name, out _))
        {
            return null;
        }
        long bytes = Number(element, name, source);
        Require(bytes is > 0 and <= 1L << 40, source, $"{name} is out of range");
        return bytes;
    }

    private static long Number(JsonElement element, string name, string source) =>
        Member(element, name, source) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out long value)
            ? value
            : throw Wrong(source, $"{name} is no whole number");

    private static IEnumerable<JsonElement> Items(JsonElement element, string name, int most, string source)
    {
        JsonElement array = Member(element, name, source);
        Require(array.ValueKind == JsonValueKind.Array, source, $"{name} is no array");
        Require(array.GetArrayLength() <= most, source, $"{name} has more than {most} items");
        return array.EnumerateArray();
    }

    private static string Text(JsonElement element, string name, string source) => AsText(Member(element, name, source), name, source);

    private static string AsText(JsonElement value, string name, string source)
    {
        string? text = value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        Require(
            text is { Length: > 0 and <= MaximumText } && !text.Any(char.IsControl),
            source,
            $"{name} is no text of 1 to {MaximumText} characters"
        );
        return text!;
    }

    private static JsonElement Member(JsonElement element, string name, string source) =>
        element.TryGetProperty(name, out JsonElement member) ? member : throw Wrong(source, $"{name} is missing");

    private static void Known(JsonElement element, string source, string what, params string[] names)
    {
        string? unknown = element.EnumerateObject().Select(p => p.Name).FirstOrDefault(n => !names.Contains(n));
        Require(unknown is null, source, $"{what} has an unknown key {unknown}");
    }

    private static void Require(bool isTrue, string source, string problem)
    {
        if (!isTrue)
        {
            throw Wrong(source, problem);
        }
    }

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\z")]
    private static partial Regex Name();

    [GeneratedRegex(@"\A[A-Za-z0-9_-](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9_-])?\z")]
    private static partial Regex Part();

    [GeneratedRegex(@"\A(?:com|lpt)[0-9]\z")]
    private static partial Regex Numbered();

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}\z")]
    private static partial Regex Repository();
}
