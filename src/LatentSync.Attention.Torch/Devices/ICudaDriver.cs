namespace LatentSync.Attention.Torch.Devices;

/// <summary>The calls of the CUDA driver that the question for free memory needs; each returns whether it succeeded.</summary>
internal interface ICudaDriver
{
    /// <summary>cuDeviceGet.</summary>
    bool TryGetDevice(int index, out int device);

    /// <summary>cuDevicePrimaryCtxGetState: whether something in this process uses the device already.</summary>
    bool TryGetPrimaryContextState(int device, out bool isActive);

    /// <summary>cuDevicePrimaryCtxRetain.</summary>
    bool TryRetainPrimaryContext(int device, out nint context);

    /// <summary>cuDevicePrimaryCtxRelease.</summary>
    void ReleasePrimaryContext(int device);

    /// <summary>cuCtxPushCurrent.</summary>
    bool TryPushContext(nint context);

    /// <summary>cuCtxPopCurrent.</summary>
    void PopContext();

    /// <summary>cuMemGetInfo of the current context's device.</summary>
    bool TryGetFreeBytes(out long freeBytes);
}
