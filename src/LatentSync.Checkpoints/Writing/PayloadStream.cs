using LatentSync.Checkpoints.PyTorch;

namespace LatentSync.Checkpoints.Writing;

/// <summary>Passes a tensor's bytes on to the file, counts them and computes their checksum.</summary>
internal sealed class PayloadStream : Stream
{
    private readonly Stream _target;
    private readonly string _name;
    private readonly long _expected;
    private readonly bool _computeCrc32;
    private long _written;

    private PayloadStream(Stream target, string name, long expected, bool computeCrc32)
    {
        _target = target;
        _name = name;
        _expected = expected;
        _computeCrc32 = computeCrc32;
    }

    public uint Crc32Value { get; private set; }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => _expected;

    public override long Position
    {
        get => _written;
        set => throw new NotSupportedException();
    }

    /// <summary>Lets a writer produce its bytes.</summary>
    /// <returns>Their CRC-32, or 0 if it is not wanted.</returns>
    /// <exception cref="InvalidOperationException">It produced more or fewer than expected.</exception>
    public static uint Copy(Stream target, string name, long expected, bool computeCrc32, Action<Stream> write)
    {
        using PayloadStream stream = new(target, name, expected, computeCrc32);
        write(stream);
        return stream._written == expected ? stream.Crc32Value : throw stream.WrongLength(stream._written);
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (buffer.Length > _expected - _written)
        {
            throw WrongLength(_written + buffer.Length);
        }
        if (_computeCrc32)
        {
            Crc32Value = Crc32.Append(Crc32Value, buffer);
        }
        _target.Write(buffer);
        _written += buffer.Length;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() { }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private InvalidOperationException WrongLength(long written) =>
        new(
            $"The writer of \"{_name}\" produced {written} bytes{(written > _expected ? " or more" : "")}; its shape requires {_expected}."
        );
}
