namespace LatentSync.Platform.Loading;

/// <summary>Why a native library cannot be loaded.</summary>
public enum NativeLoadCause
{
    /// <summary>The library itself is not where it should be.</summary>
    FileMissing,

    /// <summary>The file is damaged, truncated or no library at all.</summary>
    FileDamaged,

    /// <summary>The library is for another processor or operating system.</summary>
    WrongArchitecture,

    /// <summary>The library needs a symbol version that this system's library of that name does not have.</summary>
    SymbolVersionMissing,

    /// <summary>The library needs another library that is not installed.</summary>
    DependencyMissing,

    /// <summary>The library needs a function that the libraries it was given do not have.</summary>
    SymbolMissing,

    /// <summary>The system does not let this process load the file (mounted noexec, a security policy, no permission).</summary>
    Refused,

    /// <summary>Two copies of libtorch would come into one process, which aborts it.</summary>
    SecondLibTorch,

    /// <summary>libtorch is already loaded in this process, with other options.</summary>
    AlreadyLoaded,

    /// <summary>The system gave a reason that is not known here; the message carries it.</summary>
    Unknown,

    /// <summary>The libtorch was built with the other layout of std::string.</summary>
    OtherCxxAbi,
}
