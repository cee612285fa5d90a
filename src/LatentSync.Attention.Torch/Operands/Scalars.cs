using TorchSharp;

namespace LatentSync.Attention.Torch.Operands;

/// <summary>Constants as TorchSharp hands them to libtorch, made once. One that is made in the argument list of a call is garbage as soon as
/// its handle was read: its finalizer can free it while libtorch still reads it, and then the call fails with "Expected false to be true"
/// or takes another number; seen in the tests, in masked_fill and in add, whose factor 1 is made the same way. So numbers that are not constants are kept in a <c>using</c> variable around the call.</summary>
internal static class Scalars
{
    internal static readonly Scalar NegativeInfinity = double.NegativeInfinity;
    internal static readonly Scalar Zero = 0.0;
    internal static readonly Scalar One = 1.0;
}
