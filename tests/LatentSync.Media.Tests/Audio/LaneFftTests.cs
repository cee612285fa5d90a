using System.Numerics;
using LatentSync.Media.Audio;

namespace LatentSync.Media.Tests.Audio;

public sealed class LaneFftTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(8)]
    [InlineData(30)]
    [InlineData(48)]
    [InlineData(400)]
    [InlineData(800)]
    public void Forward_EveryLane_EqualsTheDefinition(int length)
    {
        int lanes = Vector<double>.Count;
        var random = new Random(length);
        var values = new Complex[lanes, length];
        var real = new Vector<double>[length];
        var imaginary = new Vector<double>[length];
        for (int n = 0; n < length; n++)
        {
            for (int l = 0; l < lanes; l++)
            {
                values[l, n] = new Complex(random.NextDouble() - 0.5, random.NextDouble() - 0.5);
                real[n] = real[n].WithElement(l, values[l, n].Real);
                imaginary[n] = imaginary[n].WithElement(l, values[l, n].Imaginary);
            }
        }

        new LaneFft(length).Forward(real, imaginary, new Vector<double>[length], new Vector<double>[length]);

        for (int l = 0; l < lanes; l++)
        {
            for (int k = 0; k < length; k++)
            {
                Complex expected = 0;
                for (int n = 0; n < length; n++)
                {
                    expected += values[l, n] * Complex.FromPolarCoordinates(1, -2 * Math.PI * ((long)k * n % length) / length);
                }

                Assert.Equal(expected.Real, real[k][l], 1e-12);
                Assert.Equal(expected.Imaginary, imaginary[k][l], 1e-12);
            }
        }
    }

    [Fact]
    public void Constructor_LengthWithAnotherPrime_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => new LaneFft(7 * 4));
    }
}
