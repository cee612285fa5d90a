using static TorchSharp.torch;

namespace LatentSync.Training.Tests.Loops;

/// <summary>Compares the weights of two checkpoints.</summary>
internal static class WeightAssert
{
    /// <summary>Demands the same numbers, bit for bit.</summary>
    /// <param name="expected">A state dictionary.</param>
    /// <param name="actual">One with at least its keys.</param>
    /// <param name="which">Keys to compare; null: all.</param>
    public static void Same(Dictionary<string, Tensor> expected, Dictionary<string, Tensor> actual, Func<string, bool>? which = null) =>
        Assert.All(
            expected.Where(e => which?.Invoke(e.Key) ?? true),
            e => Assert.True(e.Value.equal(actual[e.Key]).all().item<bool>(), e.Key)
        );
}
