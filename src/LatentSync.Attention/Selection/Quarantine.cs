using LatentSync.Attention.Failures;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Selection;

/// <summary>A backend set aside after a failure.</summary>
/// <param name="Backend">Backend's name.</param>
/// <param name="Class">Class of the problem that failed.</param>
/// <param name="Kind">How it failed.</param>
/// <param name="FromBytes">Problems of the class are refused from this estimate on; 0 for all sizes.</param>
/// <param name="Cause">First line of the failure's message.</param>
/// <param name="Since">When.</param>
public sealed record QuarantineEntry(
    string Backend,
    ProblemClass Class,
    FailureKind Kind,
    long FromBytes,
    string Cause,
    DateTimeOffset Since
);

/// <summary>Backends that failed at run time, set aside until released: for the class of the problem; when memory ran out, for that size
/// and larger ones only; when the self-test gave wrong numbers, for the device, element type and head-dim class; when the GPU's code is
/// missing, for the device; when the library is gone, for everything. A failure that may pass (memory, an unknown one) is lifted when the
/// backend, tried as the last resort, succeeds. Thread-safe.</summary>
public sealed class Quarantine
{
    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private volatile QuarantineEntry[] _entries = [];
    private QuarantineEntry[] _lifted = []; // told of, and not told again when they come back
    private int _version;

    /// <summary>An empty quarantine.</summary>
    /// <param name="time">Clock of the entries; null for the system's.</param>
    /// <param name="entries">Entries known from before.</param>
    public Quarantine(TimeProvider? time = null, IEnumerable<QuarantineEntry>? entries = null)
    {
        _time = time ?? TimeProvider.System;
        _entries = entries?.ToArray() ?? [];
    }

    /// <summary>Changes whenever an entry comes or goes; plans made under another version are out of date.</summary>
    public int Version => Volatile.Read(ref _version);

    /// <summary>The entries of this moment.</summary>
    public IReadOnlyList<QuarantineEntry> Entries => _entries;

    /// <summary>Sets a backend aside.</summary>
    /// <param name="backend">Backend's name.</param>
    /// <param name="problem">The problem that failed.</param>
    /// <param name="estimatedBytes">The backend's memory estimate for it.</param>
    /// <param name="kind">How it failed.</param>
    /// <param name="cause">The failure's message; its first line is kept.</param>
    /// <returns>False when an entry covers the failure already, or did before the backend's success lifted it.</returns>
    public bool Add(string backend, in AttentionProblem problem, long estimatedBytes, FailureKind kind, string cause)
    {
        lock (_gate)
        {
            if (Find(backend, problem, estimatedBytes) is not null)
            {
                return false;
            }
            long fromBytes = kind == FailureKind.OutOfMemory ? estimatedBytes : 0;
            string firstLine =
                cause.AsSpan().TrimStart() is var text && text.IndexOfAny('\r', '\n') is >= 0 and var end
                    ? text[..end].ToString()
                    : text.ToString();
            var entry = new QuarantineEntry(backend, ProblemClass.Of(problem), kind, fromBytes, firstLine, _time.GetUtcNow());
            _entries = [.. _entries, entry];
            Interlocked.Increment(ref _version);
            return !Array.Exists(_lifted, lifted => WasToldBy(entry, lifted));
        }
    }

    /// <summary>Releases entries, for instance after the cause was removed.</summary>
    /// <param name="backend">Backend's name; null for all.</param>
    /// <returns>How many were released.</returns>
    public int Release(string? backend = null)
    {
        lock (_gate)
        {
            _lifted = backend is null ? [] : [.. _lifted.Where(entry => entry.Backend != backend)];
            QuarantineEntry[] kept = backend is null ? [] : [.. _entries.Where(entry => entry.Backend != backend)];
            int released = _entries.Length - kept.Length;
            if (released > 0)
            {
                _entries = kept;
                Interlocked.Increment(ref _version);
            }
            return released;
        }
    }

    /// <summary>Why a backend is set aside for a problem; null when it is not.</summary>
    /// <param name="backend">Backend's name.</param>
    /// <param name="problem">The problem.</param>
    /// <param name="estimatedBytes">The backend's memory estimate for it.</param>
    public Reason? Objection(string backend, in AttentionProblem problem, long estimatedBytes)
    {
        if (Find(backend, problem, estimatedBytes) is not { } entry)
        {
            return null;
        }
        return FailureClassifier.Describe(entry.Kind).ToReason(entry.Cause, backend);
    }

    /// <summary>A failure of this kind may have passed when the problem is tried again.</summary>
    internal static bool MayPass(FailureKind kind) => kind is FailureKind.OutOfMemory or FailureKind.Other;

    /// <summary>Why a backend is set aside for a problem: a failure that lasts before one that may pass, and memory last. Null when it is
    /// not set aside.</summary>
    internal FailureKind? KindOf(string backend, in AttentionProblem problem, long estimatedBytes)
    {
        FailureKind? worst = null;
        ProblemClass problemClass = ProblemClass.Of(problem);
        foreach (QuarantineEntry entry in _entries)
        {
            if (Covers(entry, backend, problemClass, estimatedBytes) && (worst is not { } known || Weight(entry.Kind) > Weight(known)))
            {
                worst = entry.Kind;
            }
        }
        return worst;

        static int Weight(FailureKind kind) =>
            !MayPass(kind) ? 2
            : kind == FailureKind.OutOfMemory ? 0
            : 1;
    }

    /// <summary>A backend succeeded though it was set aside: what may pass has passed, for this class. Other entries stay.</summary>
    internal void Lift(string backend, in AttentionProblem problem, long estimatedBytes)
    {
        ProblemClass problemClass = ProblemClass.Of(problem);
        lock (_gate)
        {
            QuarantineEntry[] passed = Array.FindAll(
                _entries,
                entry => MayPass(entry.Kind) && Covers(entry, backend, problemClass, estimatedBytes)
            );
            if (passed.Length == 0)
            {
                return; // another thread was faster
            }
            _entries = [.. _entries.Except(passed)];
            _lifted = [.. _lifted, .. passed.Where(entry => !Array.Exists(_lifted, lifted => WasToldBy(entry, lifted)))];
            Interlocked.Increment(ref _version);
        }
    }

    private static bool WasToldBy(QuarantineEntry entry, QuarantineEntry lifted) =>
        lifted.Backend == entry.Backend && lifted.Class == entry.Class && lifted.Kind == entry.Kind && entry.FromBytes >= lifted.FromBytes;

    private QuarantineEntry? Find(string backend, in AttentionProblem problem, long estimatedBytes)
    {
        QuarantineEntry[] entries = _entries;
        if (entries.Length == 0)
        {
            return null;
        }
        ProblemClass problemClass = ProblemClass.Of(problem);
        foreach (QuarantineEntry entry in entries)
        {
            if (Covers(entry, backend, problemClass, estimatedBytes))
            {
                return entry;
            }
        }
        return null;
    }

    private static bool Covers(QuarantineEntry entry, string backend, in ProblemClass problemClass, long estimatedBytes) =>
        entry.Backend == backend
        && entry.Kind switch
        {
            FailureKind.NativeLibraryGone => true,
            FailureKind.NoKernelImage => entry.Class.Device == problemClass.Device,
            // A self-test speaks for all problems of its device, element type and head dim, with and without masks.
            FailureKind.WrongNumbers => entry.Class.Device == problemClass.Device
                && entry.Class.DType == problemClass.DType
                && entry.Class.HeadDimClass == problemClass.HeadDimClass,
            _ => entry.Class == problemClass && estimatedBytes >= entry.FromBytes,
        };
}
