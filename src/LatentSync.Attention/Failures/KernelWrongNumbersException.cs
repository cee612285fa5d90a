namespace LatentSync.Attention.Failures;

/// <summary>A kernel's self-test gave wrong numbers. Thrown by what tests kernels before their first use; the fallback takes
/// over.</summary>
/// <param name="message">Which kernel, on what, and how far off, in one line.</param>
public sealed class KernelWrongNumbersException(string message) : Exception(message);
