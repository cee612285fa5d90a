using System.Buffers.Binary;
using System.Text;
using LatentSync.Checkpoints.Files;
using LatentSync.Foundation.Wording;

namespace LatentSync.Checkpoints.PyTorch;

/// <summary>The bytes of a pickle, read forwards through a small buffer; every read is checked against what is left before it
/// allocates.</summary>
internal sealed class PickleInput
{
    private const int BufferLength = 64 * 1024;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly CheckpointFile _file;
    private readonly PickleLimits _limits;
    private readonly byte[] _buffer;
    private readonly long _end;
    private long _bufferStart;
    private int _bufferLength;
    private int _next;

    /// <param name="file">The file that holds the pickle.</param>
    /// <param name="offset">Its first byte.</param>
    /// <param name="length">Bytes it may use at most.</param>
    /// <param name="limits">Bounds on single values.</param>
    public PickleInput(CheckpointFile file, long offset, long length, PickleLimits limits)
    {
        _file = file;
        _limits = limits;
        _end = offset + length;
        _bufferStart = offset;
        _buffer = new byte[(int)Math.Min(BufferLength, length)];
    }

    /// <summary>Position in the file of the byte read next.</summary>
    public long Position => _bufferStart + _next;

    private long Remaining => _end - Position;

    public byte ReadByte()
    {
        Need(1);
        if (_next == _bufferLength)
        {
            Fill();
        }
        return _buffer[_next++];
    }

    public ushort ReadUInt16()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ushort)];
        Read(bytes);
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes);
    }

    public uint ReadUInt32()
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        Read(bytes);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    public ulong ReadUInt64()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        Read(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>A big-endian binary64.</summary>
    public double ReadDouble()
    {
        Span<byte> bytes = stackalloc byte[sizeof(double)];
        Read(bytes);
        return BinaryPrimitives.ReadDoubleBigEndian(bytes);
    }

    public byte[] ReadBytes(ulong length)
    {
        if (length > (ulong)_limits.StringBytes)
        {
            throw Refuse($"a string claims {length} bytes; at most {_limits.StringBytes} are allowed");
        }
        Need((long)length);
        byte[] bytes = new byte[(int)length];
        Read(bytes);
        return bytes;
    }

    /// <summary>UTF-8 text, in which Python may have encoded lone surrogates; those are refused.</summary>
    public string ReadText(ulong length) => Decode(ReadBytes(length));

    public string ReadLine()
    {
        byte[] line = new byte[_limits.LineLength];
        for (int length = 0; length < line.Length; length++)
        {
            byte next = ReadByte();
            if (next == '\n')
            {
                return Decode(line.AsSpan(0, length));
            }
            line[length] = next;
        }
        throw Refuse($"a name has more than {_limits.LineLength} characters");
    }

    /// <summary>The exception for this place in the pickle; the caller throws it.</summary>
    public CheckpointFormatException Refuse(Sentence problem, Sentence? remedy = null, Exception? inner = null) =>
        _file.Refuse($"{problem} (pickle, byte {Position})", remedy: remedy, inner: inner);

    private string Decode(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException fault)
        {
            throw Refuse("a string is not valid UTF-8", inner: fault);
        }
    }

    private void Read(Span<byte> destination)
    {
        Need(destination.Length);
        while (destination.Length > 0)
        {
            if (_next == _bufferLength)
            {
                Fill();
            }
            int count = Math.Min(destination.Length, _bufferLength - _next);
            _buffer.AsSpan(_next, count).CopyTo(destination);
            _next += count;
            destination = destination[count..];
        }
    }

    private void Need(long count)
    {
        if (count > Remaining)
        {
            throw Refuse(
                $"the pickle ends too early: {count} more bytes are required, {Remaining} are left",
                "The file is truncated or damaged: download or copy it again"
            );
        }
    }

    private void Fill()
    {
        _bufferStart += _bufferLength;
        _next = 0;
        _bufferLength = 0;
        int length = (int)Math.Min(_buffer.Length, _end - _bufferStart);
        _file.ReadExactly(_bufferStart, _buffer.AsSpan(0, length));
        _bufferLength = length;
    }
}
