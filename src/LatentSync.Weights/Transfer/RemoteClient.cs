using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;
using LatentSync.Weights.Catalogue;
using LatentSync.Weights.Faults;
using LatentSync.Weights.Hub;

namespace LatentSync.Weights.Transfer;

/// <summary>Speaks HTTP: follows redirects itself, so that the token stays with the hub, and turns answers into faults. Proxies are those
/// of the environment.</summary>
internal sealed class RemoteClient : IDisposable
{
    private const int MaximumRedirects = 8;

    private readonly HttpClient _http;
    private readonly HubSettings _hub;
    private readonly TransferOptions _options;

    internal RemoteClient(HubSettings hub, TransferOptions options)
    {
        (_hub, _options) = (hub, options);
        _http = new HttpClient(
            new SocketsHttpHandler
            {
                AllowAutoRedirect = false,
                UseCookies = false,
                ConnectTimeout = options.StallsAfter,
            }
        )
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("latentsync.net/0.1");
        _http.DefaultRequestHeaders.AcceptEncoding.ParseAdd("identity");
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>Asks what a file is, and tries again where that may help.</summary>
    internal async Task<RemoteFacts> ProbeAsync(RemoteFile file, CancellationToken cancellationToken)
    {
        Patience patience = new(_options, file);
        while (true)
        {
            try
            {
                return await ProbeOnceAsync(file, cancellationToken);
            }
            catch (CutException cut)
            {
                await patience.AfterAsync(cut, cancellationToken);
            }
        }
    }

    /// <summary>Asks for a file's bytes from a place on; the answer is 200, 206 or 416.</summary>
    /// <param name="file">The file.</param>
    /// <param name="from">First byte that is wanted.</param>
    /// <param name="etag">Strong tag of the bytes before it; null: none is known.</param>
    /// <param name="cancellationToken">Cancels.</param>
    internal async Task<HttpResponseMessage> GetAsync(RemoteFile file, long from, string? etag, CancellationToken cancellationToken)
    {
        (HttpResponseMessage response, _) = await SendAsync(HttpMethod.Get, file, from, etag, cancellationToken);
        if (response.StatusCode is HttpStatusCode.OK or HttpStatusCode.PartialContent or HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            return response;
        }
        using (response)
        {
            throw Refusal(file, response);
        }
    }

    private async Task<RemoteFacts> ProbeOnceAsync(RemoteFile file, CancellationToken cancellationToken)
    {
        (HttpResponseMessage response, Linked linked) = await SendAsync(HttpMethod.Head, file, 0, null, cancellationToken);
        using (response)
        {
            if (!response.IsSuccessStatusCode && !linked.IsThere)
            {
                // Some hosts refuse to be asked (signed addresses are for one method only); the fetch itself tells then.
                bool isElsewhere = response.RequestMessage?.RequestUri?.Host != _hub.AddressOf(file).Host;
                return
                    response.StatusCode is HttpStatusCode.MethodNotAllowed or HttpStatusCode.NotImplemented
                    || (isElsewhere && response.StatusCode == HttpStatusCode.Forbidden)
                    ? Agreed(file, null, null, null)
                    : throw Refusal(file, response);
            }
            long? length = response.IsSuccessStatusCode ? response.Content.Headers.ContentLength : null;
            string? tag = response.IsSuccessStatusCode && response.Headers.ETag is { IsWeak: false } own ? own.Tag.Trim('"') : null;
            return Agreed(file, linked.Bytes ?? length, RemoteFile.IsSha256(linked.Tag) ? linked.Tag : null, linked.Tag ?? tag);
        }
    }

    private static RemoteFacts Agreed(RemoteFile file, long? bytes, string? hash, string? tag)
    {
        if (
            (file.Bytes is { } size && bytes is { } offered && size != offered)
            || (file.Sha256 is { } pin && hash is not null && pin != hash)
        )
        {
            throw new WeightsException(
                "WGT0204",
                FaultKind.Failed,
                $"The server offers another {file.Path} than the catalogue names: {Described(bytes, hash)} in place of {Described(file.Bytes, file.Sha256)}.",
                $"Nothing was fetched. If the file was replaced on purpose, name the new one in a catalogue of your own."
            );
        }
        string? known = file.Sha256 ?? hash;
        return new RemoteFacts(file.Bytes ?? bytes, known, known ?? tag);
    }

    private static string Described(long? bytes, string? hash) =>
        string.Create(CultureInfo.InvariantCulture, $"{bytes?.ToString(CultureInfo.InvariantCulture) ?? "?"} bytes, SHA-256 {hash ?? "?"}");

    private async Task<(HttpResponseMessage Response, Linked Linked)> SendAsync(
        HttpMethod method,
        RemoteFile file,
        long from,
        string? etag,
        CancellationToken cancellationToken
    )
    {
        Uri address = _hub.AddressOf(file);
        Linked linked = default;
        for (int redirects = 0; ; redirects++)
        {
            using HttpRequestMessage request = new(method, address);
            if (_hub.Token is { } token && _hub.IsHubs(file, address))
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            }
            if (from > 0)
            {
                request.Headers.Range = new RangeHeaderValue(from, null);
                if (etag is not null)
                {
                    request.Headers.TryAddWithoutValidation("If-Range", etag);
                }
            }
            HttpResponseMessage response = await SendOnceAsync(request, cancellationToken);
            if (!linked.IsThere && _hub.IsHubs(file, address))
            {
                linked = Linked.Of(response); // only the hub itself is asked what the file is
            }
            bool isRedirect = (int)response.StatusCode is 301 or 302 or 303 or 307 or 308;
            if (!isRedirect || (method == HttpMethod.Head && linked.IsThere))
            {
                return (response, linked);
            }
            using (response)
            {
                address = Next(file, address, response.Headers.Location, redirects);
            }
        }
    }

    private static Uri Next(RemoteFile file, Uri from, Uri? location, int redirects)
    {
        if (redirects >= MaximumRedirects || location is null)
        {
            throw new WeightsException("WGT0205", FaultKind.Failed, $"{file.Path}: {from.Host} redirects without end, or nowhere.");
        }
        Uri next = location.IsAbsoluteUri ? location : new Uri(from, location);
        bool isGood = next.Scheme == Uri.UriSchemeHttps || (next.Scheme == Uri.UriSchemeHttp && from.Scheme == Uri.UriSchemeHttp);
        return isGood
            ? next
            : throw new WeightsException(
                "WGT0205",
                FaultKind.Failed,
                $"{file.Path}: {from.Host} redirects from https to {next.Scheme}, which is not followed."
            );
    }

    private async Task<HttpResponseMessage> SendOnceAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using CancellationTokenSource stall = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stall.CancelAfter(_options.StallsAfter);
        string host = request.RequestUri!.Host;
        try
        {
            return await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stall.Token);
        }
        catch (HttpRequestException e)
        {
            throw new CutException($"{host} could not be reached: {PrintableText.Escape(e.Message)}", inner: e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CutException($"{host} gave no answer for {DurationText.Of(_options.StallsAfter)}", inner: e);
        }
    }

    private Exception Refusal(RemoteFile file, HttpResponseMessage response)
    {
        int status = (int)response.StatusCode;
        string host = response.RequestMessage?.RequestUri?.Host ?? "?";
        if (status is 408 or 425 or 429 or >= 500)
        {
            return new CutException($"{host} answered {status}", RetryAfter(response.Headers.RetryAfter));
        }
        string page = file.Repository is null ? file.Url!.ToString() : new Uri(_hub.Endpoint, file.Repository).ToString();
        return status switch
        {
            401 => new WeightsException(
                "WGT0202",
                FaultKind.Failed,
                $"{file.Path}: {host} wants to know who asks (401).",
                _hub.Token is null
                    ? (Sentence)$"Set HF_TOKEN to a token of yours, and accept the terms at {page} if it asks you to."
                    : $"HF_TOKEN is not accepted: make a new one, and look at {page}."
            ),
            403 => new WeightsException(
                "WGT0202",
                FaultKind.Failed,
                $"{file.Path}: {host} does not give it to you (403).",
                $"Accept the terms at {page}, and set HF_TOKEN to a token that may read it."
            ),
            404 or 410 => new WeightsException(
                "WGT0203",
                FaultKind.Failed,
                $"{file.Path} is not at {_hub.AddressOf(file)} ({status}).",
                $"Look at {page}; name the new place in a catalogue of your own."
            ),
            _ => new WeightsException("WGT0205", FaultKind.Failed, $"{file.Path}: {host} answered {status}."),
        };
    }

    private TimeSpan? RetryAfter(RetryConditionHeaderValue? value)
    {
        TimeSpan? after = value?.Delta ?? (value?.Date is { } date ? date - _options.Clock.GetUtcNow() : null);
        return after < TimeSpan.Zero ? TimeSpan.Zero : after;
    }

    /// <summary>What the hub says of a large file before it redirects.</summary>
    private readonly record struct Linked(string? Tag, long? Bytes)
    {
        internal bool IsThere => Tag is not null || Bytes is not null;

        internal static Linked Of(HttpResponseMessage response) =>
            new(
                First(response, "X-Linked-Etag") is { Length: > 2 and < 200 } tag ? tag.Trim('"') : null,
                long.TryParse(First(response, "X-Linked-Size"), NumberStyles.None, CultureInfo.InvariantCulture, out long bytes)
                    ? bytes
                    : null
            );

        private static string? First(HttpResponseMessage response, string name) =>
            response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? values.First() : null;
    }
}
