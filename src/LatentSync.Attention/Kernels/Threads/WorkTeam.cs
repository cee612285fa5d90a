using System.Runtime.ExceptionServices;

namespace LatentSync.Attention.Kernels.Threads;

/// <summary>Threads that share the work of a kernel with the thread that calls it. They belong to the kernels, so that a busy thread pool
/// does not delay them; between calls they spin for a moment, then sleep.</summary>
internal sealed unsafe class WorkTeam : IWorkTeam
{
    /// <summary>Spins before a thread sleeps: some 20 µs, the time between two small calls, and no more, since libtorch's threads need the
    /// cores in between.</summary>
    private const int MostSpins = 400;

    private readonly Lock _calls = new();
    private readonly Member[] _members;
    private delegate* <void*, void> _body;
    private void* _context;
    private int _unfinished;
    private ExceptionDispatchInfo? _failure;

    /// <summary>A team.</summary>
    /// <param name="size">Threads with the caller, at least 1.</param>
    internal WorkTeam(int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        _members = new Member[size - 1];
        for (int i = 0; i < _members.Length; i++)
        {
            _members[i] = new Member(this, i);
        }
    }

    /// <summary>One thread for every processor that this process may use.</summary>
    internal static WorkTeam Shared { get; } = new(Environment.ProcessorCount);

    /// <inheritdoc/>
    public int Size => _members.Length + 1;

    /// <summary><inheritdoc/> While another call uses the team, the caller works alone.</summary>
    public void Run(int threads, delegate* <void*, void> body, void* context)
    {
        int helpers = Math.Min(threads - 1, _members.Length);
        if (helpers <= 0 || !_calls.TryEnter())
        {
            body(context);
            return;
        }
        try
        {
            _body = body;
            _context = context;
            _failure = null;
            Volatile.Write(ref _unfinished, helpers);
            for (int i = 0; i < helpers; i++)
            {
                _members[i].Start();
            }
            try
            {
                body(context);
            }
            finally
            {
                var wait = new SpinWait();
                while (Volatile.Read(ref _unfinished) != 0)
                {
                    wait.SpinOnce(sleep1Threshold: -1);
                }
            }
            _failure?.Throw();
        }
        finally
        {
            _calls.Exit();
        }
    }

    private void Work()
    {
        try
        {
            _body(_context);
        }
        catch (Exception exception)
        {
            // The caller throws it: an exception on this thread would end the process.
            _failure = ExceptionDispatchInfo.Capture(exception);
        }
        Interlocked.Decrement(ref _unfinished);
    }

    private sealed class Member
    {
        private const int Idle = 0,
            Asleep = 1,
            Called = 2;
        private readonly WorkTeam _team;
        private readonly SemaphoreSlim _wake = new(0);
        private int _state;

        internal Member(WorkTeam team, int index)
        {
            _team = team;
            new Thread(Loop, maxStackSize: 1 << 20) { IsBackground = true, Name = $"attention {index + 1}" }.Start();
        }

        internal void Start()
        {
            if (Interlocked.Exchange(ref _state, Called) == Asleep)
            {
                _wake.Release();
            }
        }

        private void Loop()
        {
            while (true)
            {
                for (int spin = 0; Volatile.Read(ref _state) != Called; spin++)
                {
                    if (spin < MostSpins)
                    {
                        Thread.SpinWait(8);
                    }
                    else if (Interlocked.CompareExchange(ref _state, Asleep, Idle) == Idle)
                    {
                        _wake.Wait();
                    }
                }
                Volatile.Write(ref _state, Idle);
                _team.Work();
            }
        }
    }
}
