namespace LatentSync.Attention.Kernels.Threads;

/// <summary>The tasks of a pass, numbered from 0, which the threads take from a common counter.</summary>
internal struct TaskQueue
{
    /// <summary>Times that a thread goes to the counter, at least, where there are tasks enough.</summary>
    private const long TakesPerThread = 24;

    /// <summary>Neighbouring tasks that a thread takes at once, at most.</summary>
    private const long MostAtOnce = 16;

    private readonly long _count;
    private readonly int _atOnce;
    private long _next;

    private TaskQueue(long count, int threads, int atOnce)
    {
        _count = count;
        _atOnce = atOnce;
        Threads = threads;
    }

    /// <summary>Threads that get work, at least 1.</summary>
    internal int Threads { get; }

    /// <summary>More tasks are left than all threads take at once: a thread that takes its next tasks early leaves no other one without
    /// work.</summary>
    internal bool IsFarFromEnd => _count - Volatile.Read(ref _next) > (long)Threads * _atOnce;

    /// <summary>A queue.</summary>
    /// <param name="count">Number of tasks.</param>
    /// <param name="threads">Threads to use at most.</param>
    internal static TaskQueue Of(long count, int threads)
    {
        threads = (int)Math.Min(threads, Math.Max(count, 1));
        // Neighbours share cache lines: a thread takes several at once where there are many.
        return new TaskQueue(count, threads, (int)Math.Clamp(count / (threads * TakesPerThread), 1, MostAtOnce));
    }

    /// <summary>Takes some tasks.</summary>
    /// <param name="first">The first of them.</param>
    /// <param name="end">After the last of them.</param>
    /// <returns>Whether there were any.</returns>
    internal bool Take(out long first, out long end)
    {
        first = Interlocked.Add(ref _next, _atOnce) - _atOnce;
        end = Math.Min(first + _atOnce, _count);
        return first < end;
    }
}
