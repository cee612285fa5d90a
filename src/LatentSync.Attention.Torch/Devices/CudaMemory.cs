namespace LatentSync.Attention.Torch.Devices;

/// <summary>Free memory of a GPU at this moment.</summary>
/// <remarks>
/// Asked in the context that libtorch works in, which exists as soon as it holds a tensor on the device; without one the question is not
/// asked, since making a context takes hundreds of megabytes and half a second. libtorch keeps freed memory for itself, and TorchSharp has
/// no way to ask how much of it: what it keeps counts as used here. The selection then errs on the side of less memory, never more; and
/// when memory does run out, libtorch gives back what it keeps before it throws (<c>release_cached_blocks</c> in
/// CUDACachingAllocator::malloc), so that there is nothing left to empty before the next backend.
/// </remarks>
internal static class CudaMemory
{
    /// <summary>Free bytes; null when unknown.</summary>
    /// <param name="driver">The driver.</param>
    /// <param name="index">libtorch's index of the device, which is the driver's.</param>
    /// <param name="isInUse">Something in this process uses the device.</param>
    internal static long? Free(ICudaDriver driver, int index, out bool isInUse)
    {
        isInUse = false;
        if (
            !driver.TryGetDevice(index, out int device)
            || !driver.TryGetPrimaryContextState(device, out isInUse)
            || !isInUse
            || !driver.TryRetainPrimaryContext(device, out nint context)
        )
        {
            return null;
        }
        try
        {
            if (!driver.TryPushContext(context))
            {
                return null;
            }
            try
            {
                return driver.TryGetFreeBytes(out long freeBytes) ? freeBytes : null;
            }
            finally
            {
                driver.PopContext();
            }
        }
        finally
        {
            driver.ReleasePrimaryContext(device);
        }
    }
}
