using LatentSync.Foundation.Options;
using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Video.Reading;

/// <summary>What can be done when more frames are needed than the video has.</summary>
public static class ExtendPolicies
{
    /// <summary>The original's first.</summary>
    public static IReadOnlyList<Choice<ExtendPolicy>> All { get; } =
    [
        Row("pingpong", ExtendPolicy.PingPong),
        Row("loop", ExtendPolicy.Loop),
        Row("hold", ExtendPolicy.Hold),
        Row("stop", ExtendPolicy.Stop),
    ];

    /// <summary>What happens when the video is used up, as a clause.</summary>
    /// <param name="policy">What was chosen.</param>
    public static Sentence Describe(ExtendPolicy policy) =>
        policy switch
        {
            ExtendPolicy.PingPong => "it plays backwards, then forwards again",
            ExtendPolicy.Loop => "it starts again",
            ExtendPolicy.Hold => "its last frame stands still",
            _ => "the result ends with it",
        };

    private static Choice<ExtendPolicy> Row(string name, ExtendPolicy policy) => new(name, Describe(policy).Template, policy);
}
