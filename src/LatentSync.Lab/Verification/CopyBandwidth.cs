using System.Diagnostics;
using System.Runtime.InteropServices;
using LatentSync.Attention.Torch.Threads;
using TorchSharp;

namespace LatentSync.Lab.Verification;

/// <summary>How fast this machine moves memory: an array is copied to another by all of libtorch's threads at once. What a decoding step
/// can reach, since it does little more than read keys and values.</summary>
internal sealed unsafe class CopyBandwidth : IDisposable
{
    private const int Rounds = 15;

    private void* _source,
        _destination;

    /// <summary>Two arrays, all of whose pages are in memory.</summary>
    /// <param name="touchedBytes">Bytes that one copy reads and writes together; half of it is the size of an array. Give what the
    /// compared kernel touches, so that both find the same part of it in the cache.</param>
    internal CopyBandwidth(long touchedBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(touchedBytes, 2);
        ArrayBytes = touchedBytes / 2;
        _source = NativeMemory.AlignedAlloc((nuint)ArrayBytes, 4096);
        _destination = NativeMemory.AlignedAlloc((nuint)ArrayBytes, 4096);
        NativeMemory.Fill(_source, (nuint)ArrayBytes, 1);
        NativeMemory.Fill(_destination, (nuint)ArrayBytes, 2);
    }

    /// <summary>Size of one array.</summary>
    internal long ArrayBytes { get; }

    /// <summary>Bytes that one copy reads and writes.</summary>
    internal long TouchedBytes => 2 * ArrayBytes;

    /// <summary>Bytes read and written per second: the median of 15 copies, of which each counts what it reads and what it
    /// writes.</summary>
    /// <param name="touchedBytes">Bytes that a copy reads and writes together.</param>
    internal static double Measure(long touchedBytes)
    {
        using var copy = new CopyBandwidth(touchedBytes);
        copy.Copy();
        var seconds = new double[Rounds];
        for (int i = 0; i < Rounds; i++)
        {
            long start = Stopwatch.GetTimestamp();
            copy.Copy();
            seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        return copy.TouchedBytes / InterleavedTimer.Median(seconds);
    }

    /// <summary>Copies once.</summary>
    internal void Copy()
    {
        ObjectDisposedException.ThrowIf(_source is null, this);
        int threads = Math.Min(torch.get_num_threads(), TorchTeam.Shared.Size);
        var job = new Job
        {
            Source = (byte*)_source,
            Destination = (byte*)_destination,
            Bytes = ArrayBytes,
            Parts = threads,
        };
        TorchTeam.Shared.Run(threads, &CopyParts, &job);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_source);
        NativeMemory.AlignedFree(_destination);
        _source = _destination = null;
    }

    /// <summary>The first and the last byte of the copy, for a test.</summary>
    internal (byte First, byte Last) Ends() => (*(byte*)_destination, *((byte*)_destination + ArrayBytes - 1));

    // One part per thread; a thread that comes early may take a second one.
    private static void CopyParts(void* context)
    {
        var job = (Job*)context;
        for (int part = Interlocked.Increment(ref job->Taken) - 1; part < job->Parts; part = Interlocked.Increment(ref job->Taken) - 1)
        {
            long from = job->Bytes * part / job->Parts,
                to = job->Bytes * (part + 1) / job->Parts;
            Buffer.MemoryCopy(job->Source + from, job->Destination + from, to - from, to - from);
        }
    }

    private struct Job
    {
        internal byte* Source,
            Destination;
        internal long Bytes;
        internal int Parts,
            Taken;
    }
}
