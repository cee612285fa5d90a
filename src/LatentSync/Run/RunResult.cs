using LatentSync.Media.Video.Writing;

namespace LatentSync.Run;

/// <summary>What a run did.</summary>
/// <param name="Written">The finished file.</param>
/// <param name="NetworkFrames">Frames whose mouths were generated.</param>
/// <param name="FacesFound">Source frames in which a face was detected.</param>
/// <param name="FacesInterpolated">Source frames whose face was interpolated over a short gap.</param>
/// <param name="WithoutFace">Stretches of the result that passed through unchanged.</param>
/// <param name="Persons">Who was seen when, the followed person first.</param>
/// <param name="Warnings">What the user should know.</param>
internal sealed record RunResult(
    WrittenVideo Written,
    int NetworkFrames,
    int FacesFound,
    int FacesInterpolated,
    IReadOnlyList<TimeRange> WithoutFace,
    IReadOnlyList<PersonSeen> Persons,
    IReadOnlyList<string> Warnings
);
