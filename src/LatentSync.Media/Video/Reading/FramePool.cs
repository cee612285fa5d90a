using System.Collections.Concurrent;

namespace LatentSync.Media.Video.Reading;

/// <summary>Arrays of one exact length, reused: ArrayPool hands out longer ones, and a frame's array is to be exactly its pixels.</summary>
internal sealed class FramePool
{
    private readonly ConcurrentBag<byte[]> _free = [];
    private readonly int _length;
    private readonly int _capacity;

    /// <summary>Makes a pool.</summary>
    /// <param name="length">Bytes of each array.</param>
    /// <param name="capacity">Arrays kept at most; more than that go to the collector.</param>
    public FramePool(int length, int capacity)
    {
        _length = length;
        _capacity = capacity;
    }

    /// <summary>An array with arbitrary content.</summary>
    public byte[] Rent() => _free.TryTake(out byte[]? array) ? array : GC.AllocateUninitializedArray<byte>(_length);

    public void Return(byte[] array)
    {
        if (_free.Count < _capacity)
        {
            _free.Add(array);
        }
    }
}
