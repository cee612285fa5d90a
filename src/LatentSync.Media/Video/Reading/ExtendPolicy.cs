namespace LatentSync.Media.Video.Reading;

/// <summary>What follows the last frame when more frames are needed than the video has.</summary>
public enum ExtendPolicy
{
    /// <summary>To and fro, as the original does: odd passes run backwards, and the turning frames appear twice.</summary>
    PingPong,

    /// <summary>From the start again.</summary>
    Loop,

    /// <summary>The last frame stands still.</summary>
    Hold,

    /// <summary>Nothing: the sequence ends with the video.</summary>
    Stop,
}
