using System.Runtime.InteropServices;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>Memory between two pages that nobody may touch: reading or writing one element too many ends the process.</summary>
internal sealed unsafe class GuardedMemory<T> : IDisposable
    where T : unmanaged
{
    private readonly byte* _mapping;
    private readonly nuint _bytes;

    /// <summary>Takes memory.</summary>
    /// <param name="count">Elements.</param>
    /// <param name="atEnd">The last element ends at the page behind; else the first begins at the page before.</param>
    public GuardedMemory(int count, bool atEnd)
    {
        nuint page = (nuint)Environment.SystemPageSize,
            inside = ((nuint)count * (nuint)sizeof(T) + page - 1) / page * page;
        _bytes = inside + 2 * page;
        _mapping = (byte*)PageMapping.Map(null, _bytes, 0, PageMapping.Private | PageMapping.Anonymous, -1, 0);
        Assert.NotEqual(-1, (nint)_mapping);
        Assert.Equal(0, PageMapping.Protect(_mapping + page, inside, PageMapping.Read | PageMapping.Write));
        Count = count;
        Start = (T*)(atEnd ? _mapping + page + inside - (nuint)count * (nuint)sizeof(T) : _mapping + page);
    }

    public T* Start { get; }

    public int Count { get; }

    public Span<T> Span => new(Start, Count);

    public void Dispose() => Assert.Equal(0, PageMapping.Unmap(_mapping, _bytes));
}

/// <summary>The system calls, outside the generic type.</summary>
internal static unsafe partial class PageMapping
{
    /// <summary>Linux's numbers.</summary>
    internal const int Read = 1,
        Write = 2,
        Private = 2,
        Anonymous = 0x20;

    [LibraryImport("libc", EntryPoint = "mmap")]
    internal static partial void* Map(void* address, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    internal static partial int Protect(void* address, nuint bytes, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    internal static partial int Unmap(void* address, nuint bytes);
}
