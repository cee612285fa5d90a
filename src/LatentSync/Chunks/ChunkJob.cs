using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace LatentSync.Chunks;

/// <summary>
/// One chunk to generate, as a value: everything that decides its pixels and nothing else. It can be written down, sent, and computed by
/// another process with the same networks, which gives the same bits.
/// </summary>
/// <param name="Settings">What all chunks of a run share.</param>
/// <param name="Index">Counted from 0.</param>
/// <param name="Mask">(R, R) in [0, 1]: 1 keeps a pixel, 0 generates it.</param>
/// <param name="Faces">Per frame (R, R, 3) bytes: the aligned face, RGB.</param>
/// <param name="AudioTokens">(f, S, X) float32: the tokens of each frame.</param>
/// <param name="TokensPerFrame">S.</param>
public sealed record ChunkJob(
    ChunkSettings Settings,
    int Index,
    float[] Mask,
    IReadOnlyList<byte[]> Faces,
    float[] AudioTokens,
    int TokensPerFrame
)
{
    private const int MaxHeaderBytes = 64 * 1024;
    private const int MaxFrames = 1000;
    private const int MaxTokensPerFrame = 4096;
    private const int MaxTokenWidth = 8192;

    private static readonly byte[] Magic = "LatentSync chunk 1\n"u8.ToArray();

    /// <summary>Frames f.</summary>
    public int Frames => Faces.Count;

    /// <summary>Width X of a token.</summary>
    public int TokenWidth => AudioTokens.Length / (Frames * TokensPerFrame);

    /// <summary>SHA-256 of everything that decides the pixels, 64 hexadecimal digits: finished chunks are found again by it.</summary>
    public string Key()
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (ReadOnlyMemory<byte> part in Parts())
        {
            hash.AppendData(part.Span);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Writes the job: a header, the arrays, little endian, and the SHA-256 of all that.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="cancellationToken">Stops between arrays.</param>
    public async Task WriteAsync(Stream stream, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (ReadOnlyMemory<byte> part in Parts())
        {
            hash.AppendData(part.Span);
            await stream.WriteAsync(part, cancellationToken).ConfigureAwait(false);
        }
        await stream.WriteAsync(hash.GetHashAndReset(), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads a job. Nothing in it is trusted: sizes are bounded before memory is taken, and the hash must fit.</summary>
    /// <param name="stream">Where from; read to the end of the job.</param>
    /// <param name="cancellationToken">Stops between arrays.</param>
    /// <exception cref="ChunkJobException">It is no job, is cut or changed, or holds values that no run has.</exception>
    public static async Task<ChunkJob> ReadAsync(Stream stream, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        try
        {
            if (!(await TakeAsync(Magic.Length).ConfigureAwait(false)).AsSpan().SequenceEqual(Magic))
            {
                throw new ChunkJobException("it does not begin like one");
            }
            int headerBytes = BinaryPrimitives.ReadInt32LittleEndian(await TakeAsync(sizeof(int)).ConfigureAwait(false));
            if (headerBytes is < 2 or > MaxHeaderBytes)
            {
                throw new ChunkJobException($"its header has {headerBytes} bytes; 2 to {MaxHeaderBytes} are allowed");
            }
            Header header =
                JsonSerializer.Deserialize<Header>(await TakeAsync(headerBytes).ConfigureAwait(false))
                ?? throw new ChunkJobException("its header is empty");
            Check(header);
            int pixels = header.Settings.Resolution * header.Settings.Resolution;
            float[] mask = new float[pixels];
            (await TakeAsync(pixels * sizeof(float)).ConfigureAwait(false)).CopyTo(MemoryMarshal.AsBytes(mask.AsSpan()));
            byte[][] faces = new byte[header.Frames][];
            for (int i = 0; i < faces.Length; i++)
            {
                faces[i] = await TakeAsync(3 * pixels).ConfigureAwait(false);
            }
            float[] tokens = new float[header.Frames * header.TokensPerFrame * header.TokenWidth];
            for (int i = 0, perFrame = tokens.Length / header.Frames; i < header.Frames; i++)
            {
                byte[] bytes = await TakeAsync(perFrame * sizeof(float)).ConfigureAwait(false);
                bytes.CopyTo(MemoryMarshal.AsBytes(tokens.AsSpan(i * perFrame, perFrame)));
            }
            byte[] expected = hash.GetHashAndReset(),
                found = new byte[SHA256.HashSizeInBytes];
            await stream.ReadExactlyAsync(found, cancellationToken).ConfigureAwait(false);
            return CryptographicOperations.FixedTimeEquals(expected, found)
                ? new ChunkJob(header.Settings, header.Index, mask, faces, tokens, header.TokensPerFrame)
                : throw new ChunkJobException("it was changed in transit: its hash does not match");
        }
        catch (EndOfStreamException cut)
        {
            throw new ChunkJobException("it is cut off", cut);
        }
        catch (JsonException wrong)
        {
            throw new ChunkJobException("its header cannot be read", wrong);
        }

        async Task<byte[]> TakeAsync(int count)
        {
            byte[] bytes = new byte[count];
            await stream.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
            hash.AppendData(bytes);
            return bytes;
        }
    }

    private IEnumerable<ReadOnlyMemory<byte>> Parts()
    {
        byte[] header = JsonSerializer.SerializeToUtf8Bytes(new Header(Settings, Index, Frames, TokensPerFrame, TokenWidth));
        byte[] length = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, header.Length);
        return
        [
            Magic,
            length,
            header,
            MemoryMarshal.AsBytes(Mask.AsSpan()).ToArray(),
            .. Faces.Select(face => (ReadOnlyMemory<byte>)face),
            MemoryMarshal.AsBytes(AudioTokens.AsSpan()).ToArray(),
        ];
    }

    private static void Check(Header header)
    {
        ChunkSettings? settings = header.Settings;
        if (settings?.Identity is null || settings.Scheduler is null || !Enum.IsDefined(settings.Prediction))
        {
            throw new ChunkJobException("its header lacks settings");
        }
        (string Name, object Value)[] options =
        [
            (nameof(SyncOptions.Resolution), settings.Resolution),
            (nameof(SyncOptions.InferenceSteps), settings.InferenceSteps),
            (nameof(SyncOptions.GuidanceScale), settings.GuidanceScale),
            (nameof(SyncOptions.Scheduler), settings.Scheduler),
        ];
        foreach ((string name, object value) in options)
        {
            if (SyncOptions.Table[name].Objection(value) is { } objection)
            {
                throw new ChunkJobException(objection.ToString().TrimEnd('.'));
            }
        }
        if (
            header.Index < 0
            || header.Frames is < 1 or > MaxFrames
            || header.TokensPerFrame is < 1 or > MaxTokensPerFrame
            || header.TokenWidth is < 1 or > MaxTokenWidth
        )
        {
            throw new ChunkJobException(
                $"chunk {header.Index} of {header.Frames} frames with {header.TokensPerFrame} tokens of {header.TokenWidth} values cannot come from a run"
            );
        }
    }

    private sealed record Header(ChunkSettings Settings, int Index, int Frames, int TokensPerFrame, int TokenWidth);
}
