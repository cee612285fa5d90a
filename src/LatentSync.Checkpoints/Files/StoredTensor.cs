namespace LatentSync.Checkpoints.Files;

/// <summary>A tensor and where its elements lie in the file.</summary>
/// <param name="Info">Name, stored type, shape.</param>
/// <param name="Offset">Position of the first element, in bytes from the start of the file.</param>
/// <param name="Strides">Distance between neighbours of each dimension, in elements, never negative; null for row-major without
/// gaps.</param>
internal sealed record StoredTensor(TensorInfo Info, long Offset, IReadOnlyList<long>? Strides = null);
