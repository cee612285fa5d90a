using LatentSync.Media.Synthesis.Heads;
using LatentSync.Media.Synthesis.Voices;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Synthesis;

/// <summary>One frame of a synthetic clip.</summary>
/// <param name="Frame">The picture. Dispose it when done, so that its memory serves the next one.</param>
/// <param name="Landmarks">Where things are in it.</param>
/// <param name="Mouth">The mouth that was drawn.</param>
public sealed record SyntheticFrame(VideoFrame Frame, HeadLandmarks Landmarks, MouthShape Mouth) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Frame.Dispose();
}
