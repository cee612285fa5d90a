using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;
using LatentSync.Weights.Catalogue;
using LatentSync.Weights.Faults;

namespace LatentSync.Weights.Hub;

/// <summary>How the hub is spoken to, by the variables that its own tools read.</summary>
/// <param name="Endpoint">HF_ENDPOINT; default: https://huggingface.co.</param>
/// <param name="Token">HF_TOKEN; null: none. Sent to the endpoint's host only.</param>
/// <param name="IsOffline">HF_HUB_OFFLINE: nothing is fetched; the cache is used.</param>
/// <param name="CacheFolder">HF_HUB_CACHE, or hub/ in HF_HOME, or the usual place; null: none.</param>
public sealed record HubSettings(Uri Endpoint, string? Token, bool IsOffline, string? CacheFolder)
{
    private static readonly string[] Yes = ["1", "on", "yes", "true"];

    /// <summary>The settings of an environment.</summary>
    /// <param name="variable">Value of an environment variable; null: not set.</param>
    /// <exception cref="WeightsException">WGT0103: a variable has no usable value.</exception>
    public static HubSettings Of(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        string endpoint = Value("HF_ENDPOINT") ?? "https://huggingface.co";
        if (
            !Uri.TryCreate(endpoint.TrimEnd('/') + "/", UriKind.Absolute, out Uri? uri)
            || (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp)
            || uri.UserInfo.Length > 0
        )
        {
            throw new WeightsException(
                "WGT0103",
                FaultKind.Input,
                $"HF_ENDPOINT is {PrintableText.Quote(endpoint)}, which is no https or http address."
            );
        }
        string? token = Value("HF_TOKEN");
        if (token is not null && token.Any(c => c is <= ' ' or > '~'))
        {
            throw new WeightsException("WGT0103", FaultKind.Input, $"HF_TOKEN has characters that no token has.");
        }
        return new HubSettings(uri, token, Yes.Contains(Value("HF_HUB_OFFLINE")?.ToLowerInvariant()), Cache());

        string? Value(string name) => variable(name)?.Trim() is { Length: > 0 } text ? text : null;

        string? Cache()
        {
            string? home = Value("HOME") ?? Value("USERPROFILE");
            string? caches = Value("XDG_CACHE_HOME") ?? (home is null ? null : Path.Combine(home, ".cache"));
            string? hugging = Value("HF_HOME") ?? (caches is null ? null : Path.Combine(caches, "huggingface"));
            return Value("HF_HUB_CACHE") ?? (hugging is null ? null : Path.Combine(hugging, "hub"));
        }
    }

    /// <summary>Where a file is.</summary>
    internal Uri AddressOf(RemoteFile file) =>
        file.Url ?? new Uri(Endpoint, $"{file.Repository}/resolve/{file.Revision}/{file.RepositoryPath}");

    /// <summary>A file of the hub is asked for at the hub itself: only there the token may go, only its word on the file counts.</summary>
    internal bool IsHubs(RemoteFile file, Uri address) =>
        file.Repository is not null
        && address.Scheme == Endpoint.Scheme
        && string.Equals(address.Host, Endpoint.Host, StringComparison.OrdinalIgnoreCase)
        && address.Port == Endpoint.Port;
}
