namespace LatentSync.Checkpoints;

/// <summary>Says where a tensor's elements shall be written; may be called from several threads at once, for different tensors.</summary>
/// <param name="tensor">The tensor about to be copied.</param>
/// <returns>Memory of exactly element count x destination element size bytes, valid until the copy ends.</returns>
public delegate Span<byte> TensorDestination(TensorInfo tensor);
