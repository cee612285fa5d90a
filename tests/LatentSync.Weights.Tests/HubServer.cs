using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace LatentSync.Weights.Tests;

/// <summary>A request as it came.</summary>
internal sealed record HubRequest(string Method, string Path, IReadOnlyDictionary<string, string> Headers)
{
    public string? Header(string name) => Headers.GetValueOrDefault(name);

    public long RangeFrom =>
        Header("Range") is { } range ? long.Parse(range["bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture) : 0;
}

/// <summary>An answer, and how it is given.</summary>
internal sealed record HubAnswer(int Status)
{
    public Dictionary<string, string> Headers { get; init; } = [];

    public byte[] Body { get; init; } = [];

    /// <summary>The connection is cut after so many bytes of the body.</summary>
    public int? CutAfter { get; init; }

    /// <summary>Nothing more comes after so many bytes, and the connection stays.</summary>
    public int? StallAfter { get; init; }

    /// <summary>So many bytes at a time, with a pause after each.</summary>
    public int? Trickle { get; init; }
}

/// <summary>A server on the loopback that speaks raw HTTP/1.1, so that it can misbehave.</summary>
internal sealed class HubServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Func<HubRequest, HubAnswer> _answer;

    public HubServer(Func<HubRequest, HubAnswer> answer)
    {
        _answer = answer;
        _listener.Start();
        _ = AcceptAsync();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");

    public ConcurrentQueue<HubRequest> Requests { get; } = [];

    public void Dispose()
    {
        _end.Cancel();
        _listener.Stop();
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync(_end.Token);
                _ = ServeAsync(client, _end.Token);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task ServeAsync(TcpClient client, CancellationToken cancellationToken)
    {
        try
        {
            using TcpClient owned = client;
            NetworkStream stream = client.GetStream();
            using StreamReader reader = new(stream, Encoding.ASCII, false, 1024, leaveOpen: true);
            string[] first = (await reader.ReadLineAsync(cancellationToken) ?? "").Split(' ');
            Dictionary<string, string> headers = new(StringComparer.OrdinalIgnoreCase);
            while (await reader.ReadLineAsync(cancellationToken) is { Length: > 0 } line)
            {
                string[] parts = line.Split(": ", 2);
                headers[parts[0]] = parts[1];
            }
            HubRequest request = new(first[0], first[1], headers);
            Requests.Enqueue(request);
            await WriteAsync(stream, request, _answer(request), cancellationToken);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or IndexOutOfRangeException or SocketException)
        {
            // The other side went away.
        }
    }

    private static async Task WriteAsync(NetworkStream stream, HubRequest request, HubAnswer answer, CancellationToken cancellationToken)
    {
        StringBuilder head = new($"HTTP/1.1 {answer.Status} x\r\nConnection: close\r\n");
        if (!answer.Headers.ContainsKey("Content-Length"))
        {
            head.Append(CultureInfo.InvariantCulture, $"Content-Length: {answer.Body.Length}\r\n");
        }
        foreach ((string name, string value) in answer.Headers)
        {
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        }
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()), cancellationToken);
        if (request.Method == "HEAD")
        {
            return;
        }
        int end = answer.CutAfter ?? answer.StallAfter ?? answer.Body.Length,
            step = answer.Trickle ?? Math.Max(end, 1);
        for (int i = 0; i < end; i += step)
        {
            await stream.WriteAsync(answer.Body.AsMemory(i, Math.Min(step, end - i)), cancellationToken);
            if (answer.Trickle is not null)
            {
                await Task.Delay(5, cancellationToken);
            }
        }
        if (answer.StallAfter is not null)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }
    }
}
