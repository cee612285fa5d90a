namespace LatentSync.Attention.Kernels.Threads;

/// <summary>Threads that share a kernel's work with the thread that calls it.</summary>
internal unsafe interface IWorkTeam
{
    /// <summary>Threads, the caller included.</summary>
    int Size { get; }

    /// <summary>Calls <paramref name="body"/> on the calling thread and on up to <paramref name="threads"/> - 1 others at once, and returns
    /// when all have returned. An exception of a body is thrown here.</summary>
    /// <param name="threads">Threads wanted, the caller included.</param>
    /// <param name="body">The work; it takes its tasks itself.</param>
    /// <param name="context">Its argument.</param>
    void Run(int threads, delegate* <void*, void> body, void* context);
}
