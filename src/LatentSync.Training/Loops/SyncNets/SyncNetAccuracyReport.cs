namespace LatentSync.Training.Loops.SyncNets;

/// <summary>How often a synchronisation network is right.</summary>
/// <param name="Samples">Pairs of pictures and sound that were judged.</param>
/// <param name="Correct">Pairs for which cosine > 0.5 said what is true.</param>
/// <param name="InSync">Pairs that were in sync.</param>
/// <param name="CorrectInSync">Of those, the ones found to be.</param>
/// <param name="MeanCosineInSync">Mean cosine of the pairs in sync; null when there were none.</param>
/// <param name="MeanCosineOutOfSync">Mean cosine of the others; null when there were none.</param>
/// <param name="Loss">Mean cross-entropy of the cosines; ln 2 = 0.693 is a network that knows nothing.</param>
public sealed record SyncNetAccuracyReport(
    int Samples,
    int Correct,
    int InSync,
    int CorrectInSync,
    double? MeanCosineInSync,
    double? MeanCosineOutOfSync,
    double Loss
)
{
    /// <summary>Percentage of pairs judged rightly; 50 is chance.</summary>
    public double Accuracy => 100.0 * Correct / Samples;
}
