namespace LatentSync.Checkpoints.PyTorch;

/// <summary>Constants of the zip format (PKWARE APPNOTE 6.3.10), as far as torch.save uses it.</summary>
internal static class ZipFormat
{
    public const uint LocalHeader = 0x0403_4B50;
    public const uint CentralHeader = 0x0201_4B50;
    public const uint EndOfDirectory = 0x0605_4B50;
    public const uint Zip64EndOfDirectory = 0x0606_4B50;
    public const uint Zip64Locator = 0x0706_4B50;

    public const int LocalHeaderLength = 30;
    public const int CentralHeaderLength = 46;
    public const int EndOfDirectoryLength = 22;
    public const int Zip64EndOfDirectoryLength = 56;
    public const int Zip64LocatorLength = 20;

    /// <summary>Extra field with the 64-bit values of what does not fit in 32 bits.</summary>
    public const ushort Zip64Extra = 0x0001;

    /// <summary>Extra field "FB" with which PyTorch pads a local header so that the data begins at a multiple of 64.</summary>
    public const ushort PaddingExtra = 0x4246;

    /// <summary>A 32-bit field with this value means: see the zip64 extra field.</summary>
    public const uint See64 = uint.MaxValue;

    /// <summary>Alignment of data in files of torch.save, in bytes.</summary>
    public const int Alignment = 64;
}
