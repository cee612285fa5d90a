namespace LatentSync.Lab.Verification;

/// <summary>One backend over all layers: how it compares with the best other one.</summary>
/// <param name="Backend">Backend's name.</param>
/// <param name="Layers">Layers that it and at least one other computed correctly.</param>
/// <param name="GeometricMean">Geometric mean of (time of the best other) / (its own time): above 1 it is the faster one.</param>
/// <param name="Worst">The least of these ratios.</param>
/// <param name="WorstLayer">Layer of <paramref name="Worst"/>.</param>
/// <param name="Wrong">Results that did not pass.</param>
public sealed record VerificationSummary(string Backend, int Layers, double? GeometricMean, double? Worst, string? WorstLayer, int Wrong)
{
    /// <summary>A line per backend, the fastest first.</summary>
    /// <param name="verifications">The layers.</param>
    public static IReadOnlyList<VerificationSummary> Of(IReadOnlyCollection<LayerVerification> verifications) =>
        [
            .. verifications
                .SelectMany(layer => layer.Results.Select(result => result.Backend))
                .Distinct(StringComparer.Ordinal)
                .Select(backend => Of(backend, verifications))
                .OrderByDescending(summary => summary.GeometricMean ?? 0),
        ];

    private static VerificationSummary Of(string backend, IEnumerable<LayerVerification> verifications)
    {
        var ratios = new List<(double Ratio, string Layer)>();
        int wrong = 0;
        foreach (LayerVerification layer in verifications)
        {
            VerificationResult? own = layer.Results.FirstOrDefault(result => result.Backend == backend);
            wrong += own is { Passed: false } ? 1 : 0;
            if (layer.SpeedOverBestOther(backend) is { } ratio)
            {
                ratios.Add((ratio, $"{layer.Workload.Name} {layer.Layer.Name}"));
            }
        }
        if (ratios.Count == 0)
        {
            return new VerificationSummary(backend, 0, null, null, null, wrong);
        }
        (double worst, string worstLayer) = ratios.MinBy(entry => entry.Ratio);
        double mean = Math.Exp(ratios.Average(entry => Math.Log(entry.Ratio)));
        return new VerificationSummary(backend, ratios.Count, mean, worst, worstLayer, wrong);
    }
}
