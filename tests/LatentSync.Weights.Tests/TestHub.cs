using System.Globalization;
using System.Security.Cryptography;
using LatentSync.Testing;
using LatentSync.Weights.Catalogue;
using LatentSync.Weights.Fetching;
using LatentSync.Weights.Hub;
using LatentSync.Weights.Transfer;

namespace LatentSync.Weights.Tests;

/// <summary>Two hosts that behave like the hub: the first names a file's hash and length and redirects, the second gives the bytes.</summary>
internal sealed class TestHub : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private int _gets;

    public TestHub()
    {
        Store = new HubServer(request => Misbehave?.Invoke(request, Interlocked.Increment(ref _gets)) ?? Bytes(request));
        Front = new HubServer(request => MisbehaveFront?.Invoke(request) ?? Redirect(request));
    }

    public static byte[] Content { get; } = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 7919 >> 3))];

    public static string Hash { get; } = Convert.ToHexStringLower(SHA256.HashData(Content));

    public HubServer Front { get; }

    public HubServer Store { get; }

    /// <summary>The store's answer in place of the usual one; null: the usual one. The number counts the store's requests, from 1.</summary>
    public Func<HubRequest, int, HubAnswer?>? Misbehave { get; set; }

    public Func<HubRequest, HubAnswer?>? MisbehaveFront { get; set; }

    public string Root => Path.Combine(_folder.Path, "weights");

    public string Target => Path.Combine(Root, "net", "big.pt");

    public string Part => Path.Combine(Root, "net", ".big.pt.resume.partial");

    public string Token { get; init; } = "hf_secret";

    public string? Cache { get; set; }

    public bool IsOffline { get; set; }

    public TransferOptions Options { get; set; } =
        new()
        {
            FirstPause = TimeSpan.Zero,
            StallsAfter = TimeSpan.FromSeconds(20),
            Attempts = 4,
        };

    public string File(string name, string text)
    {
        string path = Path.Combine(_folder.Path, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    /// <summary>The catalogue: one package of one file.</summary>
    public WeightCatalogue Catalogue(string more = "", string licence = """{ "name": "MIT", "restricted": false }""") =>
        WeightCatalogue.Default.With(
            File(
                "catalogue.json",
                $$"""
                { "format": 1, "packages": [{ "name": "big", "title": "t", "licence": {{licence}}, "source": "s",
                  "files": [{ "path": "net/big.pt", "repository": "some/net", "file": "big.pt"{{more}} }] }] }
                """
            )
        );

    public Task<IReadOnlyList<FetchedFile>> FetchAsync(
        WeightCatalogue? catalogue = null,
        bool accepts = false,
        IProgress<FetchProgress>? progress = null,
        CancellationToken cancellationToken = default,
        string name = "big"
    ) =>
        new WeightFetcher(catalogue ?? Catalogue(), new HubSettings(Front.Address, Token, IsOffline, Cache), Options).FetchAsync(
            [name],
            Root,
            accepts,
            progress,
            cancellationToken
        );

    public HubAnswer Redirect(HubRequest request) =>
        new(302)
        {
            Headers =
            {
                ["Location"] = $"{Store.Address}blob{request.Path}",
                ["X-Linked-Etag"] = $"\"{Hash}\"",
                ["X-Linked-Size"] = Content.Length.ToString(CultureInfo.InvariantCulture),
            },
        };

    public static HubAnswer Bytes(HubRequest request, byte[]? content = null, string tag = "\"v1\"")
    {
        content ??= Content;
        long from = request.Header("If-Range") is { } only && only != tag ? 0 : request.RangeFrom;
        return from == 0
            ? new HubAnswer(200) { Body = content, Headers = { ["ETag"] = tag } }
            : new HubAnswer(206)
            {
                Body = content[(int)from..],
                Headers = { ["ETag"] = tag, ["Content-Range"] = $"bytes {from}-{content.Length - 1}/{content.Length}" },
            };
    }

    public void Dispose()
    {
        Front.Dispose();
        Store.Dispose();
        _folder.Dispose();
    }
}
