using System.Runtime.ExceptionServices;
using LatentSync.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Loading;

/// <summary>
/// Copies a checkpoint's arrays into a network's parameters and buffers by name. Elements go from the file straight into the
/// parameter's memory, converted to its dtype on the way: there is never a second copy of the model.
/// </summary>
public static class StateDictLoader
{
    /// <summary>Loads every parameter and buffer of a network; further keys of the file are only reported.</summary>
    /// <param name="module">The network, any dtype, any device.</param>
    /// <param name="archive">The checkpoint.</param>
    /// <param name="prefix">Text in front of each key in the file, for instance "state_dict.".</param>
    /// <returns>What was copied and what the file holds besides.</returns>
    /// <exception cref="CheckpointMismatchException">A key is missing or has another shape; nothing was copied.</exception>
    public static StateDictReport Load(nn.Module module, TensorArchive archive, string prefix = "") =>
        Load(module, archive, new StateDictOptions { Prefix = prefix });

    /// <summary>Loads what the options ask for.</summary>
    /// <param name="module">The network, any dtype, any device. On a device other than the CPU one buffer of the largest tensor's size is
    /// used in passing.</param>
    /// <param name="archive">The checkpoint.</param>
    /// <param name="options">Matching and strictness.</param>
    /// <param name="progress">Bytes filled, rising; called from the copying threads, one call at a time.</param>
    /// <param name="cancellationToken">Checked between tensors.</param>
    /// <returns>What was copied, and how the rest differs.</returns>
    /// <exception cref="CheckpointMismatchException">The file does not satisfy the strictness; nothing was copied.</exception>
    /// <exception cref="CheckpointFormatException">The file is damaged; some parameters are filled, others not.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; some parameters are filled, others not.</exception>
    public static StateDictReport Load(
        nn.Module module,
        TensorArchive archive,
        StateDictOptions options,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(archive);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxDegreeOfParallelism, 1, nameof(options));
        (StateDictReport report, List<Copy> copies) = Match(module, archive, options);
        Require(report, module, archive, options);
        ProgressMeter meter = new(copies.Sum(c => c.Bytes), progress);
        ILookup<bool, Copy> byWay = copies.ToLookup(c => c.IsDirect);
        CopyDirectly([.. byWay[true]], archive, options.MaxDegreeOfParallelism, meter, cancellationToken);
        CopyThroughStaging([.. byWay[false]], archive, meter, cancellationToken);
        return report;
    }

    /// <summary>Compares a checkpoint with a network without copying anything.</summary>
    /// <param name="module">The network.</param>
    /// <param name="archive">The checkpoint.</param>
    /// <param name="options">Matching; the strictness is not used.</param>
    public static StateDictReport Compare(nn.Module module, TensorArchive archive, StateDictOptions options) =>
        Match(module, archive, options).Report;

    /// <summary>Checks a file against a network on the meta device, which has shapes but no memory, so that no configuration can ask for
    /// too much.</summary>
    /// <param name="outline">The network, on any device.</param>
    /// <param name="archive">The checkpoint.</param>
    /// <param name="options">Matching and strictness.</param>
    /// <exception cref="CheckpointMismatchException">The file does not satisfy the strictness.</exception>
    public static void EnsureFits(nn.Module outline, TensorArchive archive, StateDictOptions options) =>
        Require(Compare(outline, archive, options), outline, archive, options);

    private static void Require(StateDictReport report, nn.Module module, TensorArchive archive, StateDictOptions options)
    {
        if (!report.Satisfies(options.Strictness))
        {
            throw new CheckpointMismatchException(archive.Path, module.GetName(), report);
        }
    }

    private static (StateDictReport Report, List<Copy> Copies) Match(nn.Module module, TensorArchive archive, StateDictOptions options)
    {
        Dictionary<string, Tensor> state = module.state_dict();
        Dictionary<string, TensorInfo> sources = [];
        List<string> unexpected = [];
        List<(string Key, TensorInfo Info)> renamed = [];
        foreach ((string fileKey, TensorInfo info) in archive.Tensors)
        {
            if (!fileKey.StartsWith(options.Prefix, StringComparison.Ordinal))
            {
                continue;
            }
            string plain = fileKey[options.Prefix.Length..];
            string? key = options.Rename is null ? plain : options.Rename(plain);
            if (key == plain && state.ContainsKey(key))
            {
                sources[key] = info;
            }
            else if (key is not null)
            {
                renamed.Add((key, info));
            }
        }
        foreach ((string key, TensorInfo info) in renamed)
        {
            if (!state.ContainsKey(key) || !sources.TryAdd(key, info))
            {
                unexpected.Add(info.Name[options.Prefix.Length..]);
            }
        }

        List<string> matched = [];
        List<string> missing = [];
        List<StateDictDifference> differences = [];
        List<Copy> copies = [];
        foreach ((string key, Tensor target) in state)
        {
            if (!sources.TryGetValue(key, out TensorInfo? info))
            {
                missing.Add(key);
            }
            else if (
                !SameShape(info.Shape, target.shape, options.IgnoreTrailingUnitAxes)
                || StateDictTypes.IsFloat(info.ElementType) != target.is_floating_point()
            )
            {
                differences.Add(new StateDictDifference(key, info.ElementType, info.Shape, target.shape));
            }
            else
            {
                matched.Add(key);
                copies.Add(new Copy(info.Name, target, StateDictTypes.ElementTypeOf(target.dtype)));
            }
        }
        return (new StateDictReport(matched, missing, unexpected, differences), copies);
    }

    private static void CopyDirectly(
        List<Copy> copies,
        TensorArchive archive,
        int threads,
        ProgressMeter meter,
        CancellationToken cancellationToken
    )
    {
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = threads, CancellationToken = cancellationToken };
        try
        {
            Parallel.ForEach(
                copies,
                parallel,
                copy =>
                {
                    archive.CopyTo(copy.FileKey, copy.ElementType, copy.Target.bytes);
                    meter.Add(copy.Bytes);
                }
            );
        }
        catch (AggregateException failures)
        {
            ExceptionDispatchInfo.Throw(failures.InnerExceptions[0]);
        }
    }

    /// <summary>Parameters on another device: one buffer on the CPU, as large as the largest of them, serves all in turn.</summary>
    private static void CopyThroughStaging(
        List<Copy> copies,
        TensorArchive archive,
        ProgressMeter meter,
        CancellationToken cancellationToken
    )
    {
        using IDisposable noGrad = no_grad();
        foreach (IGrouping<ScalarType, Copy> group in copies.GroupBy(c => c.Target.dtype))
        {
            using Tensor staging = empty([group.Max(c => c.Target.numel())], group.Key, CPU);
            foreach (Copy copy in group)
            {
                cancellationToken.ThrowIfCancellationRequested();
                using DisposeScope scope = NewDisposeScope();
                archive.CopyTo(copy.FileKey, copy.ElementType, staging.bytes[..checked((int)copy.Bytes)]);
                copy.Target.copy_(staging.narrow(0, 0, copy.Target.numel()).view(copy.Target.shape));
                meter.Add(copy.Bytes);
            }
        }
    }

    private static bool SameShape(IReadOnlyList<long> stored, long[] wanted, bool ignoreTrailingUnitAxes) =>
        stored.SequenceEqual(wanted)
        || (
            ignoreTrailingUnitAxes
            && stored.Count > wanted.Length
            && stored.Take(wanted.Length).SequenceEqual(wanted)
            && stored.Skip(wanted.Length).All(size => size == 1)
        );

    private sealed record Copy(string FileKey, Tensor Target, TensorElementType ElementType)
    {
        public long Bytes { get; } = Target.numel() * Target.element_size();

        public bool IsDirect { get; } = Target.device_type == DeviceType.CPU && Target.is_contiguous();
    }

    private sealed class ProgressMeter(long total, IProgress<LoadProgress>? progress)
    {
        private readonly Lock _gate = new();
        private long _loaded;

        public void Add(long bytes)
        {
            lock (_gate)
            {
                _loaded += bytes;
                progress?.Report(new LoadProgress(_loaded, total));
            }
        }
    }
}
