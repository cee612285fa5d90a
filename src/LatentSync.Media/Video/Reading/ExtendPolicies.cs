using LatentSync.Foundation.Options;

namespace LatentSync.Media.Video.Reading;

/// <summary>What can be done when more frames are needed than the video has.</summary>
public static class ExtendPolicies
{
    /// <summary>The original's first.</summary>
    public static IReadOnlyList<Choice<ExtendPolicy>> All { get; } =
    [
        new("pingpong", "it plays backwards, then forwards again", ExtendPolicy.PingPong),
        new("loop", "it starts again", ExtendPolicy.Loop),
        new("hold", "its last frame stands still", ExtendPolicy.Hold),
        new("stop", "the result ends with it", ExtendPolicy.Stop),
    ];
}
