namespace LatentSync.Attention.Kernels.Blocks;

/// <summary>The tasks of one thread, one after the other, and the one after that: what it needs can be asked for meanwhile.</summary>
/// <param name="shared">The call.</param>
internal unsafe ref struct FlashTasks(FlashContext* shared)
{
    /// <summary>No task.</summary>
    internal const long None = -1;

    private long _next;
    private long _end;

    /// <summary>The task at work.</summary>
    internal long Current { get; private set; } = None;

    /// <summary>The task that this thread will do next, or <see cref="None"/> if that is not known yet.</summary>
    internal readonly long Next => _next < _end ? _next : None;

    /// <summary>Goes to the next task. Where it pays to know the one after it, that is taken too, as long as there are enough for all threads.</summary>
    /// <returns>Whether there is one.</returns>
    internal bool MoveNext()
    {
        if (_next >= _end && !shared->Take(out _next, out _end))
        {
            return false;
        }
        Current = _next++;
        if (_next >= _end && shared->Plan.AsksAhead && shared->IsFarFromEnd)
        {
            _ = shared->Take(out _next, out _end);
        }
        return true;
    }
}
