namespace LatentSync.Foundation.Files;

/// <summary>What a name in the file system stands for, links followed.</summary>
public enum FileKind
{
    /// <summary>A file with a length and content at any position.</summary>
    Regular,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A named pipe, a socket or a device: it may have no end, and opening it may wait for ever.</summary>
    Special,
}
