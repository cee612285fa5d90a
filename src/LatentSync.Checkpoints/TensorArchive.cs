using System.Runtime.ExceptionServices;
using LatentSync.Checkpoints.Files;

namespace LatentSync.Checkpoints;

/// <summary>A checkpoint file as named, read-only arrays. Reading never executes anything from the file.</summary>
/// <remarks>
/// Opening reads names, types and shapes only. Elements are streamed from the file into the caller's memory in small blocks and
/// converted on the way, so a model of any size is loaded without a second copy of it. All members may be used from several threads.
/// </remarks>
public abstract class TensorArchive : IDisposable
{
    /// <summary>Full path of the file.</summary>
    public abstract string Path { get; }

    /// <summary>Every tensor of the file by name; nested dictionaries are joined with a dot.</summary>
    public abstract IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>Values that are no tensors ("global_step", "dims.n_mels", safetensors' metadata), as text.</summary>
    public abstract IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a safetensors file, a PyTorch checkpoint (zip or the older plain layout) or the index of a checkpoint split over
    /// several files, told apart by content, not by extension.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The opened archive; dispose it to release the file.</returns>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CheckpointFormatException">The path is a folder, the file is damaged, or it is of another kind; the message says
    /// which.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static TensorArchive Open(string path) => Open(path, mayBeSplit: true);

    /// <summary>Opens one file, which must hold tensors itself: the files of an index are no indexes.</summary>
    private protected static TensorArchive OpenFile(string path) => Open(path, mayBeSplit: false);

    private static TensorArchive Open(string path, bool mayBeSplit)
    {
        CheckpointFile file = CheckpointFile.Open(path);
        try
        {
            switch (CheckpointKinds.Recognize(file))
            {
                case CheckpointKind.Safetensors:
                    return new SafetensorsArchive(file);
                case CheckpointKind.ShardIndex when mayBeSplit:
                    string index = file.Path;
                    file.Dispose();
                    return new ShardedArchive(index);
                case CheckpointKind.ShardIndex:
                    throw file.Refuse(
                        "this is the index of a split checkpoint, named by another index; the files with the tensors are required"
                    );
                default:
                    return new TorchArchive(file);
            }
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Copies a tensor, row-major and contiguous, converted to <paramref name="elementType"/>, into
    /// <paramref name="destination"/>.</summary>
    /// <param name="name">Key in <see cref="Tensors"/>.</param>
    /// <param name="elementType">
    /// Type to write. Float types convert among each other, rounded to nearest even; NaN stays NaN and what is too large becomes infinity.
    /// Integer types and bool convert to integer types that hold all their values.
    /// </param>
    /// <param name="destination">ElementCount x element size bytes, exactly.</param>
    /// <exception cref="KeyNotFoundException">The archive has no tensor of this name.</exception>
    /// <exception cref="ArgumentException">The destination has another size, or the conversion would lose information other than by float
    /// rounding.</exception>
    /// <exception cref="CheckpointFormatException">The file became shorter since it was opened.</exception>
    /// <exception cref="ObjectDisposedException">The archive is closed.</exception>
    public abstract void CopyTo(string name, TensorElementType elementType, Span<byte> destination);

    /// <summary>Copies many tensors as <see cref="CopyTo"/> does, several at a time.</summary>
    /// <param name="names">Keys in <see cref="Tensors"/>; best in the file's order.</param>
    /// <param name="elementType">Type to write.</param>
    /// <param name="destination">Gives each tensor's memory.</param>
    /// <param name="maxDegreeOfParallelism">Tensors copied at the same time, at least 1; -1 for the number of processors.</param>
    /// <param name="cancellationToken">Checked between tensors.</param>
    /// <exception cref="OperationCanceledException">Cancelled; some tensors are copied, others not.</exception>
    /// <remarks>The first failure stops the rest and is thrown as <see cref="CopyTo"/> would throw it.</remarks>
    public void CopyManyTo(
        IEnumerable<string> names,
        TensorElementType elementType,
        TensorDestination destination,
        int maxDegreeOfParallelism = -1,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(names);
        ArgumentNullException.ThrowIfNull(destination);
        ParallelOptions options = new() { MaxDegreeOfParallelism = maxDegreeOfParallelism, CancellationToken = cancellationToken };
        try
        {
            Parallel.ForEach(names, options, name => CopyTo(name, elementType, destination(Find(name))));
        }
        catch (AggregateException failures)
        {
            ExceptionDispatchInfo.Throw(failures.InnerExceptions[0]);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases the file.</summary>
    /// <param name="disposing">True when called from <see cref="Dispose()"/>.</param>
    protected abstract void Dispose(bool disposing);

    private TensorInfo Find(string name) =>
        Tensors.TryGetValue(name, out TensorInfo? info)
            ? info
            : throw new KeyNotFoundException($"{Path} has no tensor {CheckpointFormatException.Quote(name)}.");
}
