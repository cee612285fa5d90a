using LatentSync.Media.Synthesis.Numbers;

namespace LatentSync.Media.Synthesis.Voices;

/// <summary>The movements of the mouth that go with an utterance: a deterministic function of the phones, at any moment.</summary>
/// <remarks>Co-articulation by dominance functions (Cohen and Massaro, 1993): each phone pulls each parameter towards its own target with a
/// strength that fades with the distance in time; the shape is the weighted mean. Fading is Gaussian, not exponential as in the paper,
/// which keeps the velocity continuous. Lips that must touch (m, b, p, pauses) are then really closed.</remarks>
public sealed class ArticulationTrack
{
    /// <summary>A phone reaches this far, in seconds.</summary>
    private const double Reach = 0.45;

    /// <summary>Lips take so long to close and to open again, in seconds.</summary>
    private const double ClosingSeconds = 0.05;

    private readonly Utterance _utterance;

    /// <summary>Prepares the movements.</summary>
    /// <param name="utterance">What is said.</param>
    public ArticulationTrack(Utterance utterance)
    {
        ArgumentNullException.ThrowIfNull(utterance);
        _utterance = utterance;
    }

    /// <summary>The mouth at a moment.</summary>
    /// <param name="seconds">Any finite time; outside the utterance the mouth rests.</param>
    public MouthShape At(double seconds)
    {
        IReadOnlyList<PhoneSegment> segments = _utterance.Segments;
        if (!(seconds >= 0 && seconds < _utterance.DurationSeconds))
        {
            return MouthShape.Rest;
        }
        int centre = _utterance.IndexAt(seconds);
        double lipWeights = 0,
            shapeWeights = 0;
        double opening = 0,
            teeth = 0,
            tongue = 0,
            tuck = 0,
            width = 0,
            rounding = 0;
        double gate = 1;
        void Add(PhoneSegment segment)
        {
            PhoneTraits traits = PhoneTable.Of(segment.Phone);
            double dominance = Dominance(segment, seconds);
            double lip = dominance * traits.LipStrength;
            double shape = dominance * traits.ShapeStrength;
            lipWeights += lip;
            shapeWeights += shape;
            opening += lip * traits.Mouth.Opening * (0.78 + 0.22 * segment.Stress);
            teeth += lip * traits.Mouth.Teeth;
            tongue += lip * traits.Mouth.Tongue;
            tuck += lip * traits.Mouth.Tuck;
            width += shape * traits.Mouth.Width;
            rounding += shape * traits.Mouth.Rounding;
            gate *= 1 - Closure(segment, seconds);
        }

        for (int i = centre; i >= 0 && segments[i].EndSeconds > seconds - Reach; i--)
        {
            Add(segments[i]);
        }
        for (int i = centre + 1; i < segments.Count && segments[i].StartSeconds < seconds + Reach; i++)
        {
            Add(segments[i]);
        }
        return new MouthShape(
            Unit(gate * opening / lipWeights),
            Unit(width / shapeWeights),
            Unit(rounding / shapeWeights),
            Unit(gate * teeth / lipWeights),
            Unit(gate * tongue / lipWeights),
            Unit(gate * tuck / lipWeights)
        );
    }

    /// <summary>How strongly a phone pulls: 1 in its middle half, Gaussian outside; wider for longer phones.</summary>
    private static double Dominance(PhoneSegment segment, double seconds)
    {
        double distance = Math.Max(Math.Abs(seconds - segment.CentreSeconds) - segment.Seconds / 4, 0);
        double spread = 0.035 + 0.25 * Math.Min(segment.Seconds, 0.2);
        double ratio = distance / spread;
        return PortableMath.Exp(-ratio * ratio) + 1e-9;
    }

    /// <summary>1 while the lips must touch, 0 where the phone leaves them free.</summary>
    private double Closure(PhoneSegment segment, double seconds)
    {
        bool bilabial = PhoneTable.IsBilabial(segment.Phone);
        if (!bilabial && segment.Phone != Phone.Pause)
        {
            return 0;
        }
        // Lips meet a little after the phone begins and part a little before it ends; a pause closes and opens at leisure.
        double margin = bilabial ? 0.006 : Math.Min(0.07, segment.Seconds * 0.35);
        double shut = segment.StartSeconds > 0 ? segment.StartSeconds + margin : -1;
        double part = segment.EndSeconds < _utterance.DurationSeconds ? segment.EndSeconds - margin : segment.EndSeconds + 1;
        return PortableMath.SmoothStep(shut - ClosingSeconds, shut, seconds)
            * PortableMath.SmoothStep(-part - ClosingSeconds, -part, -seconds);
    }

    private static double Unit(double value) => Math.Clamp(value, 0, 1);
}
