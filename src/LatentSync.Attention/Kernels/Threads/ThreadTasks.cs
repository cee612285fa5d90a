namespace LatentSync.Attention.Kernels.Threads;

/// <summary>The tasks of one thread, one after the other. The thread knows its next task early, so that it can prefetch what that one
/// needs.</summary>
/// <param name="queue">The tasks of all threads.</param>
/// <param name="looksAhead">Whether the next task is taken early, as long as the queue is far from its end.</param>
internal unsafe ref struct ThreadTasks(TaskQueue* queue, bool looksAhead)
{
    /// <summary>No task.</summary>
    internal const long None = -1;

    private long _next;
    private long _end;

    /// <summary>The task to compute.</summary>
    internal long Current { get; private set; } = None;

    /// <summary>The task that this thread computes next, or <see cref="None"/> if that is not known yet.</summary>
    internal readonly long Next => _next < _end ? _next : None;

    /// <summary>Goes to the next task.</summary>
    /// <returns>Whether there is one.</returns>
    internal bool MoveNext()
    {
        if (_next >= _end && !queue->Take(out _next, out _end))
        {
            return false;
        }
        Current = _next++;
        if (_next >= _end && looksAhead && queue->IsFarFromEnd)
        {
            _ = queue->Take(out _next, out _end);
        }
        return true;
    }
}
