namespace LatentSync.Checkpoints;

/// <summary>A checkpoint file as named, read-only arrays. Reading never executes anything from the file.</summary>
public abstract class TensorArchive : IDisposable
{
    /// <summary>Full path of the file.</summary>
    public abstract string Path { get; }

    /// <summary>Every tensor of the file by name; nested dictionaries are joined with a dot.</summary>
    public abstract IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>Values that are no tensors ("global_step", "dims.n_mels", safetensors' metadata), as text.</summary>
    public abstract IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Copies a tensor, row-major and contiguous, converted to <paramref name="elementType"/>, into <paramref name="destination"/>.</summary>
    /// <param name="name">Key in <see cref="Tensors"/>.</param>
    /// <param name="elementType">Type to write; float types convert among each other, integer types widen.</param>
    /// <param name="destination">ElementCount x element size bytes, exactly.</param>
    public abstract void CopyTo(string name, TensorElementType elementType, Span<byte> destination);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases the file.</summary>
    /// <param name="disposing">True when called from <see cref="Dispose()"/>.</param>
    protected abstract void Dispose(bool disposing);
}
