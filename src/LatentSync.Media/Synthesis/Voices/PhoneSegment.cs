namespace LatentSync.Media.Synthesis.Voices;

/// <summary>One phone of an utterance in its place.</summary>
/// <param name="Phone">The sound.</param>
/// <param name="StartSeconds">Where it begins.</param>
/// <param name="EndSeconds">Where it ends; the next one begins here.</param>
/// <param name="Stress">0..1: how strongly the syllable is pronounced; wide mouths and loud vowels at 1.</param>
public sealed record PhoneSegment(Phone Phone, double StartSeconds, double EndSeconds, double Stress)
{
    /// <summary>Duration in seconds.</summary>
    public double Seconds => EndSeconds - StartSeconds;

    /// <summary>The middle in seconds.</summary>
    public double CentreSeconds => (StartSeconds + EndSeconds) / 2;
}
