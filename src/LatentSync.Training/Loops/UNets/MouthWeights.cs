using static TorchSharp.torch;

namespace LatentSync.Training.Loops.UNets;

/// <summary>How much the error of each latent counts: more where aligned faces have their mouth.</summary>
internal static class MouthWeights
{
    // Of the aligned face's side, measured on drawn and filmed faces: lips and what moves with them.
    private const double CentreX = 0.5,
        CentreY = 0.66,
        SpreadX = 0.16,
        SpreadY = 0.12;

    /// <summary>1 + (weight - 1) exp(-d²/2), with d the distance from the middle of the mouth in spreads; scaled to a mean of 1.</summary>
    /// <param name="size">s, the latents' side.</param>
    /// <param name="weight">At the middle of the mouth, before scaling; 1: all count alike.</param>
    /// <param name="device">Where the tensor is to be.</param>
    /// <returns>(s, s) float32; the caller's to dispose.</returns>
    public static Tensor Of(int size, double weight, Device device)
    {
        double[] weights = new double[size * size];
        for (int y = 0; y < size; y++)
        {
            for (int x = 0; x < size; x++)
            {
                double dx = ((x + 0.5) / size - CentreX) / SpreadX,
                    dy = ((y + 0.5) / size - CentreY) / SpreadY;
                weights[y * size + x] = 1 + (weight - 1) * Math.Exp(-0.5 * (dx * dx + dy * dy));
            }
        }
        double mean = weights.Average();
        return tensor([.. weights.Select(w => (float)(w / mean))], [size, size], device: device);
    }
}
