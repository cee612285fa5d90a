namespace LatentSync.Attention.Tests.Kernels;

/// <summary>The oracle itself.</summary>
public sealed class HeadAttentionTests
{
    [Theory]
    [InlineData(0, false, false)]
    [InlineData(0.5, true, false)]
    [InlineData(0, true, true)]
    [InlineData(2, false, true)]
    public void Gradient_EveryElement_IsTheDifferenceQuotient(double softcap, bool isCausal, bool drops)
    {
        const double Step = 1e-5;
        var random = new Random(7);
        double[,] outputGradient = Matrix(5, 3),
            kept = new double[5, 6];
        for (int i = 0; i < 30; i++)
        {
            kept[i / 6, i % 6] = random.Next(3) == 0 ? 0 : 1.5;
        }
        var head = new HeadAttention
        {
            Query = Matrix(5, 4),
            Key = Matrix(6, 4),
            Value = Matrix(6, 3),
            Scale = 0.7,
            Softcap = softcap,
            Slope = 0.1,
            IsCausal = isCausal,
            DiagonalOffset = 1,
            LeftWindow = 3,
            Bias = Matrix(5, 6),
            Kept = drops ? kept : null,
        };
        head.Bias[2, 1] = double.NegativeInfinity;
        HeadGradients gradients = head.Gradient(outputGradient);
        foreach (
            (double[,] operand, double[,] gradient) in ((double[,], double[,])[])
                [(head.Query, gradients.Query), (head.Key, gradients.Key), (head.Value, gradients.Value)]
        )
        {
            for (int i = 0; i < operand.GetLength(0); i++)
            {
                for (int d = 0; d < operand.GetLength(1); d++)
                {
                    double before = operand[i, d];
                    operand[i, d] = before + Step;
                    double above = Loss();
                    operand[i, d] = before - Step;
                    double below = Loss();
                    operand[i, d] = before;
                    Assert.Equal((above - below) / (2 * Step), gradient[i, d], 1e-8);
                }
            }
        }

        double Loss() => head.Forward().Output.Cast<double>().Zip(outputGradient.Cast<double>(), (o, g) => o * g).Sum();

        double[,] Matrix(int rows, int columns)
        {
            var matrix = new double[rows, columns];
            for (int i = 0; i < matrix.Length; i++)
            {
                matrix[i / columns, i % columns] = 2 * random.NextDouble() - 1;
            }
            return matrix;
        }
    }

    [Fact]
    public void Forward_TwoKeysByHand_IsTheirMean()
    {
        var head = new HeadAttention
        {
            Query = new double[,]
            {
                { 1 },
            },
            Key = new double[,]
            {
                { 0 },
                { Math.Log(3) },
            },
            Value = new double[,]
            {
                { 4 },
                { 8 },
            },
            Scale = 1,
        };
        HeadResult result = head.Forward();
        Assert.Equal(7, result.Output[0, 0], 1e-14);
        Assert.Equal(Math.Log(4), result.LogSumExp[0], 1e-14);
    }
}
