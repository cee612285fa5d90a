using System.Collections.Concurrent;
using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Backends;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.SelfTest;

/// <summary>The outcomes of self-tests: each kernel class is tested once, whoever asks first; others wait for it. A pass may be remembered
/// from an earlier process, a failure never is: it stands until the process ends. Thread-safe.</summary>
internal sealed class SelfTests(SelfTestCache? cache)
{
    private static readonly Lazy<SelfTests> Remembering = new(() => new SelfTests(SelfTestCache.OfThisMachine()));
    private static readonly Lazy<SelfTests> Forgetting = new(() => new SelfTests(null));

    private readonly ConcurrentDictionary<SelfTestKey, Entry> _entries = new();

    /// <summary>The process's outcomes, for the built-in backends.</summary>
    internal static SelfTests OfProcess(SelfTestMode mode) => mode == SelfTestMode.On ? Remembering.Value : Forgetting.Value;

    /// <summary>Tests that were run, not remembered.</summary>
    internal int RunCount => _entries.Values.Sum(entry => entry.Runs);

    /// <summary>Makes sure that a kernel class computes right.</summary>
    /// <param name="backend">The backend.</param>
    /// <param name="machine">The machine, for the rules.</param>
    /// <param name="problem">The problem that is waiting.</param>
    /// <param name="device">Device of its tensors.</param>
    /// <exception cref="KernelWrongNumbersException">It does not.</exception>
    /// <exception cref="Exception">Whatever the kernel throws in the test; it is tested again at the next call.</exception>
    internal void Require(IAttentionBackend backend, Machine machine, in AttentionProblem problem, Device device)
    {
        SelfTestKey key = SelfTestKey.Of(backend.Name, problem);
        Entry entry = _entries.GetOrAdd(key, static _ => new Entry());
        if (!entry.IsDone)
        {
            lock (entry.Gate)
            {
                if (!entry.IsDone)
                {
                    if (cache?.Contains(key) != true)
                    {
                        entry.Runs++;
                        entry.Failure = KernelSelfTest.Run(backend, machine, problem, device);
                        if (entry.Failure is null)
                        {
                            cache?.Add(key);
                        }
                    }
                    entry.IsDone = true;
                }
            }
        }
        if (entry.Failure is { } failure)
        {
            throw new KernelWrongNumbersException(failure);
        }
    }

    private sealed class Entry
    {
        private volatile bool _isDone;

        internal Lock Gate { get; } = new();

        internal int Runs { get; set; }

        internal string? Failure { get; set; }

        internal bool IsDone
        {
            get => _isDone;
            set => _isDone = value;
        }
    }
}
