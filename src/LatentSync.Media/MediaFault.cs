namespace LatentSync.Media;

/// <summary>What is wrong with a media file, or with the tool that reads it. The number is the error code: 101 is MED0101.</summary>
public enum MediaFault
{
    /// <summary>The path names nothing.</summary>
    Missing = 101,

    /// <summary>The path names a folder.</summary>
    Folder = 102,

    /// <summary>The file cannot be opened: permissions, or another program holds it.</summary>
    Unreadable = 103,

    /// <summary>The file holds no bytes.</summary>
    Empty = 104,

    /// <summary>The content is no media that ffmpeg understands, or is damaged from the start.</summary>
    Corrupt = 105,

    /// <summary>There is no video track and no picture in the file.</summary>
    NoVideo = 106,

    /// <summary>There is no audio track in the file.</summary>
    NoAudio = 107,

    /// <summary>Size, rate or length is beyond the documented bounds.</summary>
    OutOfBounds = 108,

    /// <summary>The audio has too few samples to be analysed.</summary>
    TooShort = 109,

    /// <summary>The name of the output does not end in a container that can be written.</summary>
    UnknownContainer = 201,

    /// <summary>The output would overwrite one of the inputs.</summary>
    OutputIsInput = 202,

    /// <summary>The output's folder cannot be created or written.</summary>
    OutputFolder = 203,

    /// <summary>No space left on the device.</summary>
    DiskFull = 204,

    /// <summary>The finished file does not hold what was written into it.</summary>
    Verification = 205,

    /// <summary>The unfinished output, or its folder, was removed while it was written.</summary>
    OutputLost = 206,

    /// <summary>ffmpeg or ffprobe was not found, or is too old, or lacks an encoder.</summary>
    ToolMissing = 301,

    /// <summary>ffmpeg or ffprobe ended with an error, or died.</summary>
    ToolFailed = 302,
}
