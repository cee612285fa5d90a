namespace LatentSync.Media.Faces.Detection;

/// <summary>What is wrong with a file or component of the face stage. The number is the error code: 101 is FAC0101.</summary>
public enum FaceFault
{
    /// <summary>The path names nothing, or cannot be opened.</summary>
    Missing = 101,

    /// <summary>The file is no mask picture: wrong format, too large, or nothing to generate in it.</summary>
    Mask = 102,

    /// <summary>The file is no landmarks file of a known version, or an entry in it is wrong.</summary>
    Landmarks = 103,

    /// <summary>The file is no model of the expected kind.</summary>
    Model = 104,

    /// <summary>The file is no cascade of OpenCV.</summary>
    Cascade = 105,

    /// <summary>The name of a detector is unknown.</summary>
    UnknownDetector = 106,

    /// <summary>The whole video shows no face.</summary>
    NoFace = 107,

    /// <summary>No detector is present on this machine.</summary>
    NoDetector = 301,

    /// <summary>The detector that was asked for lacks a file or a package.</summary>
    DetectorUnavailable = 302,
}
