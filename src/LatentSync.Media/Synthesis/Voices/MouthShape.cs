namespace LatentSync.Media.Synthesis.Voices;

/// <summary>What the mouth looks like at one moment. Every value is in 0..1.</summary>
/// <param name="Opening">Gap between the lips: 0 closed, 1 the widest open vowel.</param>
/// <param name="Width">Distance of the corners: 0 pursed, 0.5 at rest, 1 spread.</param>
/// <param name="Rounding">How far the lips are rounded and pushed forward.</param>
/// <param name="Teeth">How much of the teeth shows when the lips are apart.</param>
/// <param name="Tongue">How much of the tongue shows when the lips are apart.</param>
/// <param name="Tuck">How far the lower lip is drawn in under the upper teeth (f, v).</param>
public readonly record struct MouthShape(double Opening, double Width, double Rounding, double Teeth, double Tongue, double Tuck)
{
    /// <summary>The closed mouth at rest.</summary>
    public static MouthShape Rest { get; } = new(0, 0.5, 0, 0, 0, 0);
}
