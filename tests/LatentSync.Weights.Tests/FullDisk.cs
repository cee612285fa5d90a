namespace LatentSync.Weights.Tests;

/// <summary>A disk that takes so many bytes, and then says what a full one says.</summary>
internal sealed class FullDisk(Stream file, long room) : Stream
{
    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => file.Length;

    public override long Position
    {
        get => file.Position;
        set => throw new NotSupportedException();
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int fits = (int)Math.Min(buffer.Length, room - file.Position);
        await file.WriteAsync(buffer[..fits], cancellationToken);
        if (fits < buffer.Length)
        {
            throw new IOException("No space left on device");
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush() => file.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
