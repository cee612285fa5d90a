using System.Runtime.InteropServices;
using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Failures;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Tests;

/// <summary>Every backend is set aside: what may have passed is tried once more, and its success lifts the quarantine.</summary>
public sealed class LastResortTests
{
    private static readonly AttentionProblem Problem = AttentionProblem.Of(1, 8, 1024, 1024, 40);
    private static readonly string[] Names = ["torch-flash", "torch-math", "sliced"];

    [Fact]
    public void Run_MemoryWasShortForAll_NextCallIsComputedAndLiftsTheQuarantine()
    {
        var rig = new Rig { Fail = (_, _) => new OutOfMemoryException() };
        Assert.Equal("ATT0004", Assert.Throws<AttentionUnavailableException>(() => rig.Run()).Code);
        Assert.Equal(3, rig.Quarantine.Entries.Count);
        rig.Fail = (_, _) => null;
        rig.Tried.Clear();

        Assert.Equal("torch-flash", rig.Run());

        Assert.Equal(["torch-flash"], rig.Tried); // bounded memory first, then the least
        Assert.Equal(["sliced", "torch-math"], rig.Quarantine.Entries.Select(entry => entry.Backend).Order());
        Assert.Equal("torch-flash", rig.Run()); // now by its plan
        Assert.Equal("torch-flash", rig.Loop.Explain(Problem).Chosen);
        Assert.Equal(3, rig.Listener.Incidents.Count);
    }

    [Fact]
    public void Run_MemoryIsShortForAll_EachIsTriedTwiceInOrderOfMemory()
    {
        var rig = new Rig { Fail = (_, _) => new OutOfMemoryException() };
        Assert.Throws<AttentionUnavailableException>(() => rig.Run());
        Assert.Equal(6, rig.Tried.Count);
        Assert.Equal(["torch-flash", "sliced", "torch-math"], rig.Tried[3..]);
        rig.Tried.Clear();
        Assert.Throws<AttentionUnavailableException>(() => rig.Run());
        Assert.Equal(["torch-flash", "sliced", "torch-math"], rig.Tried); // set aside: once per call
        Assert.Equal(3, rig.Listener.Incidents.Count);
    }

    [Fact]
    public void Run_MemoryShortAgainAfterALift_IsNotToldAgainUntilReleased()
    {
        bool isShort = true;
        var rig = new Rig { Fail = (_, _) => isShort ? new OutOfMemoryException() : null };
        for (int i = 0; i < 5; i++)
        {
            isShort = true;
            Assert.Throws<AttentionUnavailableException>(() => rig.Run());
            isShort = false;
            Assert.Equal("torch-flash", rig.Run());
        }
        Assert.Equal(3, rig.Listener.Incidents.Count);
        rig.Quarantine.Release();
        isShort = true;
        Assert.Throws<AttentionUnavailableException>(() => rig.Run());
        Assert.Equal(6, rig.Listener.Incidents.Count);
    }

    [Fact]
    public void Run_LastFailsOnceInAnUnknownWay_IsTriedAgainInTheSameCall()
    {
        var rig = new Rig("sliced") { Fail = (_, number) => number == 0 ? new ExternalException("who knows") : null };
        Assert.Equal("sliced", rig.Run());
        Assert.Equal(2, rig.Tried.Count);
        Assert.Empty(rig.Quarantine.Entries);
        AttentionIncident incident = Assert.Single(rig.Listener.Incidents);
        Assert.Equal("sliced", incident.Next);
        Assert.Contains("who knows It is tried once more.", incident.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Run_AllFailInUnknownWays_OnlyTheLastIsTriedAgain()
    {
        var rig = new Rig { Fail = (_, _) => new ExternalException("who knows") };
        Assert.Throws<AttentionUnavailableException>(() => rig.Run());
        Assert.Equal(4, rig.Tried.Count);
        Assert.Equal(rig.Tried[2], rig.Tried[3]);
    }

    public static TheoryData<FailureKind, int> Lasting() =>
        new()
        {
            { FailureKind.NoKernel, 1 },
            { FailureKind.NoKernelImage, 1 },
            { FailureKind.UnsupportedArgument, 1 },
            { FailureKind.NativeLibraryGone, 1 },
            { FailureKind.WrongNumbers, 1 },
            { FailureKind.OutOfMemory, 2 },
            { FailureKind.Other, 2 },
        };

    [Theory]
    [MemberData(nameof(Lasting))]
    public void Run_OneBackend_IsTriedAgainForWhatMayPassOnly(FailureKind kind, int attempts)
    {
        var rig = new Rig("sliced") { Fail = (_, _) => Failure(kind) };
        Assert.Throws<AttentionUnavailableException>(() => rig.Run());
        Assert.Equal(attempts, rig.Tried.Count);
        Assert.Throws<AttentionUnavailableException>(() => rig.Run());
        Assert.Equal(attempts + attempts - 1, rig.Tried.Count);
        Assert.Equal(kind, Assert.Single(rig.Listener.Incidents).Kind);
    }

    [Fact]
    public void Run_LostDeviceOrBugInTheLastResort_EndsTheCall()
    {
        var rig = new Rig("torch-math", "sliced")
        {
            Fail = (_, number) =>
                number < 2 ? new OutOfMemoryException() : new ExternalException("CUDA error: an illegal memory access was encountered"),
        };
        Assert.Throws<AttentionDeviceLostException>(() => rig.Run());
        Assert.Equal(3, rig.Tried.Count);
        rig.Fail = (_, _) => new ArgumentException("bug");
        Assert.Throws<ArgumentException>(() => rig.Run());
        Assert.Equal(4, rig.Tried.Count);
        Assert.Equal(2, rig.Quarantine.Entries.Count);
    }

    [Fact]
    public void Run_CancelledBeforeTheLastResort_RunsNothingMore()
    {
        using var source = new CancellationTokenSource();
        var rig = new Rig("sliced")
        {
            Fail = (_, _) =>
            {
                source.Cancel();
                return new OutOfMemoryException();
            },
        };
        Assert.Throws<OperationCanceledException>(() => rig.Loop.Run(Problem, 0, null, source.Token));
        Assert.Single(rig.Tried);
    }

    [Fact]
    public void Run_SetAsideForAnotherReasonToo_IsNotTried()
    {
        var rig = new Rig("sliced");
        rig.Quarantine.Add("sliced", Problem, long.MaxValue, FailureKind.OutOfMemory, "memory");
        rig.Quarantine.Add("sliced", Problem, 0, FailureKind.WrongNumbers, "numbers");
        Assert.Throws<AttentionUnavailableException>(() => rig.Run());
        Assert.Empty(rig.Tried);
    }

    [Fact]
    public void Run_PolicyForbidsOthers_OnlyTheRequiredIsTriedAgain()
    {
        var rig = new Rig(Policy.Require("torch-flash"), Names) { Fail = (_, _) => new OutOfMemoryException() };
        Assert.Throws<AttentionUnavailableException>(() => rig.Run());
        Assert.Equal(["torch-flash", "torch-flash"], rig.Tried);
    }

    [Fact]
    public void Lift_LargerAndOtherClasses_StaySetAside()
    {
        var quarantine = new Quarantine();
        AttentionProblem other = Problem with { HeadDim = 512 };
        quarantine.Add("sliced", Problem, 500, FailureKind.OutOfMemory, "large");
        quarantine.Add("sliced", Problem, 100, FailureKind.OutOfMemory, "small");
        quarantine.Add("sliced", other, 100, FailureKind.OutOfMemory, "other");
        quarantine.Add("torch-math", Problem, 100, FailureKind.OutOfMemory, "math");
        int version = quarantine.Version;

        quarantine.Lift("sliced", Problem, 200);

        Assert.Equal(["large", "other", "math"], quarantine.Entries.Select(entry => entry.Cause));
        Assert.NotEqual(version, quarantine.Version);
        version = quarantine.Version;
        quarantine.Lift("sliced", Problem, 200);
        Assert.Equal(version, quarantine.Version);
    }

    /// <summary>Many threads, memory that is short now and then for all backends at once: a call is refused only while memory is short, and
    /// after that none is.</summary>
    [Fact]
    public void Run_ManyThreadsWhileMemoryComesAndGoes_NothingStaysRefused()
    {
        var quarantine = new Quarantine();
        var listener = new Listener();
        int phase = 0; // odd: memory is short
        var loop = new FallbackLoop<int, string>(
            new FallbackLoopOptions
            {
                Machine = Machines.CpuOnly,
                Quarantine = quarantine,
                Listener = listener,
            },
            Names.Select(name => new Runner(name, _ => Volatile.Read(ref phase) % 2 == 1 ? new OutOfMemoryException() : null))
        );
        int computed = 0,
            refused = 0;
        Parallel.For(
            0,
            8,
            thread =>
            {
                for (int i = 0; i < 3000; i++)
                {
                    if (thread == 0 && i % 50 == 0)
                    {
                        Interlocked.Increment(ref phase);
                    }
                    int before = Volatile.Read(ref phase);
                    try
                    {
                        loop.Run(Problem with { KeyLength = 64 + i % 3 }, i, "layer");
                        Interlocked.Increment(ref computed);
                    }
                    catch (AttentionUnavailableException)
                    {
                        Assert.True(before % 2 == 1 || Volatile.Read(ref phase) != before, "refused while there was memory");
                        Interlocked.Increment(ref refused);
                    }
                }
            }
        );
        phase = 0;
        Assert.Contains(loop.Run(Problem with { KeyLength = 64 }, 0, "layer"), Names);
        Assert.Equal(8 * 3000, computed + refused);
        Assert.Equal(computed + 1, loop.Counters.Snapshot().Sum(use => use.Calls));
        // Three sizes of one class: a backend is told of at most once per size.
        Assert.InRange(listener.Incidents.Count, 1, 9);
    }

    private static Exception Failure(FailureKind kind) =>
        kind switch
        {
            FailureKind.OutOfMemory => new OutOfMemoryException(),
            FailureKind.NativeLibraryGone => new DllNotFoundException("gone"),
            FailureKind.WrongNumbers => new KernelWrongNumbersException("off by 3"),
            FailureKind.NoKernel => new ExternalException("No available kernel."),
            FailureKind.NoKernelImage => new ExternalException("no kernel image is available for execution on the device"),
            FailureKind.UnsupportedArgument => new ExternalException("Expected a multiple of 8"),
            _ => new ExternalException("who knows"),
        };

    private sealed class Rig
    {
        internal Rig(params string[] names)
            : this(Policy.Auto, names) { }

        internal Rig(Policy policy, params string[] names) =>
            Loop = new FallbackLoop<int, string>(
                new FallbackLoopOptions
                {
                    Machine = Machines.CpuOnly,
                    Policy = policy,
                    Quarantine = Quarantine,
                    Listener = Listener,
                },
                (names.Length == 0 ? Names : names).Select(name => new Runner(
                    name,
                    runner =>
                    {
                        Tried.Add(runner);
                        return Fail(runner, Tried.Count - 1);
                    }
                ))
            );

        internal Func<string, int, Exception?> Fail { get; set; } = (_, _) => null;

        internal List<string> Tried { get; } = [];

        internal Quarantine Quarantine { get; } = new();

        internal Listener Listener { get; } = new();

        internal FallbackLoop<int, string> Loop { get; }

        internal string Run() => Loop.Run(Problem, 0, "layer");
    }

    private sealed class Runner(string name, Func<string, Exception?> script) : IAttentionRunner<int, string>
    {
        public string Name => name;

        public string Run(in AttentionProblem problem, int inputs) => script(name) is { } exception ? throw exception : name;
    }

    private sealed class Listener : IAttentionListener
    {
        private readonly Lock _gate = new();

        internal List<AttentionIncident> Incidents { get; } = [];

        public void OnIncident(AttentionIncident incident)
        {
            lock (_gate)
            {
                Incidents.Add(incident);
            }
        }
    }
}
