using LatentSync.Media.Audio;

namespace LatentSync.Media.Tests.Audio;

public sealed class MelFilterBankTests
{
    private static readonly MelFilterBank Whisper = new(16000, 400, 80, 0, 8000);

    [Fact]
    public void Weights_WhisperTable_HasItsKnownSumMaximumAndCount()
    {
        double sum = 0;
        float maximum = 0;
        int count = 0;
        for (int band = 0; band < Whisper.Bands; band++)
        {
            foreach (float weight in Whisper.Weights(band))
            {
                sum += weight;
                maximum = Math.Max(maximum, weight);
                count++;
            }
        }

        Assert.Equal(1.9990242, sum, 1.2e-7); // the known sum was taken in float32: one unit in its last place
        Assert.Equal(0.025880683f, maximum);
        Assert.Equal(391, count);
    }

    [Fact]
    public void Weights_WhisperRows_HaveTheirKnownValues()
    {
        Assert.Equal(1, Whisper.FirstBin(0));
        Assert.Equal(new[] { 0.0248625949f }, Whisper.Weights(0).ToArray());
        Assert.Equal(42, Whisper.FirstBin(40));
        Assert.Equal(new[] { 0.0054111048f, 0.0147355665f, 0.0065181898f }, Whisper.Weights(40).ToArray());
    }

    [Fact]
    public void Weights_SyncNetTable_HasItsKnownSumAndFirstRow()
    {
        var filters = new MelFilterBank(16000, 800, 80, 55, 7600);
        double sum = 0;
        for (int band = 0; band < filters.Bands; band++)
        {
            foreach (float weight in filters.Weights(band))
            {
                sum += weight;
            }
        }

        Assert.Equal(3.999498, sum, 6);
        Assert.Equal(3, filters.FirstBin(0));
        float[] expected = [0.0038695920f, 0.0193479601f, 0.0208124500f, 0.0053340821f];
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], filters.Weights(0)[i], 1e-9f);
        }
    }
}
