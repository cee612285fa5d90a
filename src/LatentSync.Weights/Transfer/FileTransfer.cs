using System.Net;
using System.Net.Http.Headers;
using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using LatentSync.Weights.Catalogue;
using LatentSync.Weights.Faults;

namespace LatentSync.Weights.Transfer;

/// <summary>Fetches the bytes of one file into its part, going on from what is there, and verifies them.</summary>
internal sealed class FileTransfer(RemoteClient client, TransferOptions options, RemoteFile file, RemoteFacts facts, Action<long> report)
{
    private const int BufferBytes = 1 << 17;

    /// <summary>Fetches what is missing; afterwards the part is whole and verified as far as anything is known of it.</summary>
    /// <returns>SHA-256 of the content.</returns>
    /// <exception cref="WeightsException">The file is not to be had, or is not what it should be.</exception>
    internal async Task<string> RunAsync(PartialDownload part, CancellationToken cancellationToken)
    {
        Patience patience = new(options, file);
        bool isFresh = !CanGoOn(part);
        if (isFresh)
        {
            part.Restart();
        }
        while (true)
        {
            long before = part.Stream.Length;
            try
            {
                if (facts.Bytes is not { } whole || before < whole)
                {
                    await ReceiveAsync(part, patience, cancellationToken);
                }
                return await VerifyAsync(part, cancellationToken);
            }
            catch (CutException cut)
            {
                await patience.AfterAsync(cut, cancellationToken);
            }
            catch (WeightsException wrong) when (wrong.Code == "WGT0206" && !isFresh)
            {
                // What an earlier run left may be what is wrong: once more from the start.
                isFresh = true;
                part.Restart();
            }
        }
    }

    private bool CanGoOn(PartialDownload part)
    {
        long length = part.Stream.Length;
        return length > 0
            && (facts.Bytes is null || length <= facts.Bytes)
            && part.Note is { } note
            && ((facts.Identity is not null && note.Identity == facts.Identity) || note.ETag is not null);
    }

    private async Task ReceiveAsync(PartialDownload part, Patience patience, CancellationToken cancellationToken)
    {
        long from = part.Stream.Length;
        using HttpResponseMessage response = await client.GetAsync(file, from, part.Note?.ETag, cancellationToken);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            if (response.Content.Headers.ContentRange?.Length is { } whole && whole == from && facts.Bytes is null)
            {
                return; // all of it is there
            }
            part.Restart();
            throw new CutException($"the server has nothing from byte {from} on (416); it begins anew", TimeSpan.Zero);
        }
        if (from > 0 && response.StatusCode == HttpStatusCode.OK)
        {
            part.Restart(); // another content, or a server that gives no parts
            from = 0;
        }
        if (response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From != from)
        {
            part.Restart();
            throw new CutException($"the server sent other bytes than were asked for", TimeSpan.Zero);
        }
        long? total =
            response.StatusCode == HttpStatusCode.PartialContent
                ? response.Content.Headers.ContentRange!.Length
                : response.Content.Headers.ContentLength;
        if (facts.Bytes is { } expected && total is { } offered && expected != offered)
        {
            throw Wrong($"it is {offered} bytes long, not {expected}");
        }
        if (from == 0)
        {
            part.Note = new ResumeNote(facts.Identity, StrongTag(response.Headers.ETag));
        }
        await CopyAsync(response, part, total ?? facts.Bytes, patience, cancellationToken);
    }

    private async Task CopyAsync(
        HttpResponseMessage response,
        PartialDownload part,
        long? total,
        Patience patience,
        CancellationToken cancellationToken
    )
    {
        Stream body = await response.Content.ReadAsStreamAsync(cancellationToken);
        part.Stream.Position = part.Stream.Length;
        Stream target = options.Writer?.Invoke(part.Stream) ?? part.Stream;
        byte[] buffer = new byte[BufferBytes];
        long done = part.Stream.Length,
            most = Math.Min(total ?? options.MaximumBytes, options.MaximumBytes);
        report(done);
        try
        {
            while (true)
            {
                int read = await ReadAsync(body, buffer, cancellationToken);
                if (read == 0)
                {
                    break;
                }
                done += read;
                if (done > most)
                {
                    throw Wrong($"the server sent more than {most} bytes");
                }
                await target.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
                patience.Progressed();
                report(done);
            }
        }
        catch (IOException e) when (PartialFile.IsDiskFull(e))
        {
            throw new WeightsException(
                "WGT0207",
                FaultKind.Failed,
                $"The disk is full: {done} bytes of {file.Path} are there.",
                $"Make room; the same command goes on from there.",
                e
            );
        }
        finally
        {
            await part.Stream.FlushAsync(CancellationToken.None);
        }
        if (total is { } all && done < all)
        {
            throw new CutException($"the connection ended after {done} of {all} bytes");
        }
    }

    private async Task<int> ReadAsync(Stream body, byte[] buffer, CancellationToken cancellationToken)
    {
        using CancellationTokenSource stall = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        stall.CancelAfter(options.StallsAfter);
        try
        {
            return await body.ReadAsync(buffer, stall.Token);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CutException($"nothing came for {DurationText.Of(options.StallsAfter)}", inner: e);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw new CutException($"the connection was cut: {PrintableText.Escape(e.Message)}", inner: e);
        }
    }

    private async Task<string> VerifyAsync(PartialDownload part, CancellationToken cancellationToken)
    {
        long length = part.Stream.Length;
        if (facts.Bytes is { } bytes && length != bytes)
        {
            part.Restart();
            throw Wrong($"it is {length} bytes long, not {bytes}");
        }
        string hash = await FileHash.OfAsync(part.Stream, cancellationToken);
        if (facts.Sha256 is { } expected && hash != expected)
        {
            part.Restart();
            throw Wrong($"its SHA-256 is {hash}, not {expected}");
        }
        return hash;
    }

    private WeightsException Wrong(Sentence problem) =>
        new(
            "WGT0206",
            FaultKind.Failed,
            $"{file.Path} came, but is not the file that was announced: {problem}.",
            $"Nothing was kept of it. Try again; if it stays so, a proxy or mirror changes files: check HF_ENDPOINT and the proxy."
        );

    private static string? StrongTag(EntityTagHeaderValue? tag) => tag is { IsWeak: false } ? tag.Tag : null;
}
