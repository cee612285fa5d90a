using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Tests.Loading;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.AudioEncoders;

public sealed class AudioFeaturesTests
{
    [Theory]
    [InlineData(AudioWindowing.Isolated)]
    [InlineData(AudioWindowing.Overlapped)]
    public void RowsAndTokens_GoldenClip_MatchTheOriginal(AudioWindowing windowing)
    {
        using GoldenFixture golden = new("whisper");
        using WhisperEncoder encoder = WhisperEncoderTests.Golden(golden, ScalarType.Float32);
        using Tensor mel = golden.Read("clip_a.log_mel");
        using AudioFeatures features = new(encoder, mel.data<float>().ToArray(), (int)mel.shape[1], windowing);
        using Tensor rows = features.Rows(0, features.RowCount);
        TensorAssert.Close(rows, golden.Read("clip_a.features"), 2e-4, 1e-4);
        using Tensor first = features.FrameTokens(0, 2, 25);
        TensorAssert.Close(first, golden.Read("clip_a.fps25.chunks_first2"), 2e-4, 1e-4);
        using Tensor last = features.FrameTokens(75, 2, 25);
        TensorAssert.Close(last, golden.Read("clip_a.fps25.chunks_last2"), 2e-4, 1e-4);
        Assert.Equal(1, features.EncodedWindows);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(119)]
    [InlineData(120)]
    public void Overlapped_UpToOneSegment_EqualsIsolated(int melFrames)
    {
        using WhisperEncoder encoder = WhisperEncoderTests.Seeded(WhisperEncoderTests.Small);
        float[] mel = SmoothSpectrogram(80, melFrames);
        using AudioFeatures isolated = new(encoder, mel, melFrames, AudioWindowing.Isolated);
        using AudioFeatures overlapped = new(encoder, mel, melFrames);
        using Tensor expected = isolated.Rows(0, isolated.RowCount);
        using Tensor actual = overlapped.Rows(0, overlapped.RowCount);
        Assert.Equal(melFrames / 2, overlapped.RowCount);
        Assert.True(actual.equal(expected).all().item<bool>());
    }

    [Fact]
    public void Isolated_LongClip_IsItsSegmentsSideBySide()
    {
        using WhisperEncoder encoder = WhisperEncoderTests.Seeded(WhisperEncoderTests.Small);
        const int Frames = 3 * 120 + 41;
        float[] mel = SmoothSpectrogram(80, Frames);
        using AudioFeatures features = new(encoder, mel, Frames, AudioWindowing.Isolated);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor whole = tensor(mel, [80, Frames]);
        Tensor[] segments =
        [
            .. Enumerable
                .Range(0, 4)
                .Select(k => encoder.CollectStates(whole.narrow(1, 120 * k, k < 3 ? 120 : 41)).narrow(0, 0, k < 3 ? 60 : 20)),
        ];
        Assert.Equal(200, features.RowCount);
        TensorAssert.Close(features.Rows(0, 200), cat(segments), 0, 0);
    }

    [Fact]
    public void Rows_AnyStretch_EqualsThatPartOfTheWhole()
    {
        using WhisperEncoder encoder = WhisperEncoderTests.Seeded(WhisperEncoderTests.Small);
        const int Frames = 733;
        using AudioFeatures features = new(encoder, SmoothSpectrogram(80, Frames), Frames);
        using Tensor whole = features.Rows(0, features.RowCount);
        foreach ((int start, int count) in new[] { (0, 1), (30, 31), (39, 42), (44, 1), (100, 200), (365, 1), (3, 363) })
        {
            using Tensor part = features.Rows(start, count);
            TensorAssert.Close(part, whole.narrow(0, start, count).clone(), 0, 0);
        }
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 0)]
    [InlineData(365, 2)]
    [InlineData(int.MaxValue, 1)]
    public void Rows_OutsideOfTheRecording_Throws(int start, int count)
    {
        using WhisperEncoder encoder = WhisperEncoderTests.Seeded(WhisperEncoderTests.Small);
        using AudioFeatures features = new(encoder, SmoothSpectrogram(80, 733), 733);
        Assert.ThrowsAny<ArgumentOutOfRangeException>(() => features.Rows(start, count));
    }

    /// <summary>
    /// A minute and a half of slowly changing sound through a narrow encoder with 30 s segments: the change from one row to the next
    /// at the borders, against the 99th percentile of all changes. Measured: isolated 8.2, overlapped 2.1, percentile 2.2.
    /// </summary>
    [Fact]
    public void Overlapped_AtTheBorders_RowsDoNotJumpAsIsolatedOnesDo()
    {
        const int Frames = 9500;
        WhisperConfiguration configuration = WhisperEncoderTests.Small with { AudioPositions = 1500, AudioWidth = 32, AudioHeads = 2 };
        using WhisperEncoder encoder = WhisperEncoderTests.Seeded(configuration);
        float[] mel = SmoothSpectrogram(80, Frames);
        using AudioFeatures isolated = new(encoder, mel, Frames, AudioWindowing.Isolated);
        using AudioFeatures overlapped = new(encoder, mel, Frames);
        double[] isolatedChanges = Changes(isolated);
        double[] overlappedChanges = Changes(overlapped);
        double typical = overlappedChanges.Order().ElementAt((int)(0.99 * overlappedChanges.Length));

        int[] borders = [1500, 3000];
        Assert.All(
            borders,
            border => Assert.True(isolatedChanges[border - 1] > 3 * typical, $"{isolatedChanges[border - 1]} against {typical}")
        );
        Assert.All(borders, border => Assert.InRange(overlappedChanges[border - 1], 0, typical));
        int[] fades =
        [
            .. Enumerable.Range(1000 + 200, 101).Concat(Enumerable.Range(2000 + 200, 101)).Concat(Enumerable.Range(3000 + 200, 101)),
        ];
        Assert.All(fades, row => Assert.InRange(overlappedChanges[row], 0, 1.1 * typical));
        Assert.InRange(overlappedChanges.Max(), 0, 1.1 * typical);
    }

    [Fact]
    public void FrameTokens_InOrderOverALongClip_EncodeEachWindowOnceAndKeepThree()
    {
        using WhisperEncoder encoder = WhisperEncoderTests.Seeded(WhisperEncoderTests.Small);
        const int Frames = 8000; // 100 hops of 40 rows
        using AudioFeatures features = new(encoder, SmoothSpectrogram(80, Frames), Frames);
        using IDisposable noGrad = no_grad();
        AudioFrameClock clock = new(25);
        int frames = clock.FrameCount(80);
        long left = LiveTensors.LeftBy(() =>
        {
            for (int first = 0; first < frames; first += 16)
            {
                using Tensor tokens = features.FrameTokens(first, 16, clock);
                Assert.Equal([16, 30, 24], tokens.shape);
            }
        });
        Assert.Equal(1 + (8000 - 120 + 79) / 80, features.EncodedWindows);
        Assert.Equal(3, left);
        Assert.Equal(-3, LiveTensors.LeftBy(features.Dispose));
    }

    [Fact]
    public void FrameTokens_OrderOfTokens_IsRowsThenStates()
    {
        using WhisperEncoder encoder = WhisperEncoderTests.Seeded(WhisperEncoderTests.Small);
        using AudioFeatures features = new(encoder, SmoothSpectrogram(80, 100), 100);
        using Tensor tokens = features.FrameTokens(5, 25); // centre 10: rows 6 to 15
        using Tensor rows = features.Rows(6, 10);
        TensorAssert.Close(tokens, rows.reshape(30, 24), 0, 0);
        using Tensor wide = features.FrameTokens(5, new AudioFrameClock(25, 1, 0)); // rows 8 to 11
        TensorAssert.Close(wide, rows.narrow(0, 2, 4).reshape(12, 24), 0, 0);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Constructor_TooShort_SaysWhatIsRequired(int melFrames)
    {
        using WhisperEncoder encoder = WhisperEncoderTests.Seeded(WhisperEncoderTests.Small);
        ArgumentException exception = Assert.Throws<ArgumentException>(() =>
            new AudioFeatures(encoder, new float[80 * melFrames], melFrames)
        );
        Assert.Contains("at least 2 are required", exception.Message);
    }

    [Fact]
    public void Constructor_ArrayOfAnotherSize_Throws()
    {
        using WhisperEncoder encoder = WhisperEncoderTests.Seeded(WhisperEncoderTests.Small);
        ArgumentException exception = Assert.Throws<ArgumentException>(() => new AudioFeatures(encoder, new float[799], 10));
        Assert.Contains("799 values; 80 bands x 10 frames are required", exception.Message);
    }

    [Theory]
    [InlineData(AudioWindowing.Isolated)]
    [InlineData(AudioWindowing.Overlapped)]
    public void Windows_AnyLength_CoverEveryRowFromAWindowThatHoldsIt(AudioWindowing windowing)
    {
        foreach (int positions in new[] { 1, 2, 7, 60, 1500 })
        {
            foreach (int frames in Enumerable.Range(2, 60).Select(i => i * i * positions / 40 + i))
            {
                AudioWindows windows = new(frames, positions, windowing);
                int row = 0;
                while (row < windows.RowCount)
                {
                    (int end, int window, int? fade) = windows.StretchAt(row);
                    Assert.InRange(end, row + 1, int.MaxValue);
                    int last = Math.Min(end, windows.RowCount) - 1;
                    for (int used = window; used <= window + (fade is null ? 0 : 1); used++)
                    {
                        (int melStart, int melLength) = windows.MelRange(used);
                        Assert.InRange(used, 0, windows.Count - 1);
                        Assert.InRange(row, melStart / 2, last);
                        Assert.InRange(melLength, 1, 2 * positions);
                        Assert.InRange(last, row, windows.FirstRow(used) + positions - 1);
                    }
                    if (fade is { } start)
                    {
                        Assert.InRange(windows.FadeWeight(row, start), 1e-9, 1 - 1e-9);
                    }
                    row = end;
                }
                Assert.Equal(frames / 2, windows.RowCount);
            }
        }
    }

    [Fact]
    public void Windows_OverlappedAtTheRealSize_AdvanceBy20SecondsAndFadeForOne()
    {
        AudioWindows windows = new(9000, 1500, AudioWindowing.Overlapped);
        Assert.Equal(4, windows.Count);
        Assert.Equal((2000, 3000), windows.MelRange(1));
        Assert.Equal((6000, 3000), windows.MelRange(3));
        Assert.Equal((1225, 0, null), windows.StretchAt(0));
        Assert.Equal((1275, 0, 1225), windows.StretchAt(1225));
        Assert.Equal((2225, 1, null), windows.StretchAt(1275));
        Assert.Equal((4500, 3, null), windows.StretchAt(3275));
    }

    /// <summary>Every band a sum of slow waves, values as in real log-mel spectrograms (-0.7 to 1.4).</summary>
    private static float[] SmoothSpectrogram(int bands, int frames)
    {
        var mel = new float[bands * frames];
        for (int band = 0; band < bands; band++)
        {
            for (int t = 0; t < frames; t++)
            {
                mel[band * frames + t] = (float)(
                    0.3 + 0.5 * Math.Sin(t * 0.031 + band * 0.21) + 0.5 * Math.Sin(t * 0.0173 * (1 + band % 5) + band)
                );
            }
        }
        return mel;
    }

    /// <summary>Norm of the difference of each row to the one before; entry i belongs to rows i and i + 1.</summary>
    private static double[] Changes(AudioFeatures features)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor rows = features.Rows(0, features.RowCount).flatten(1).to(ScalarType.Float64);
        long count = rows.shape[0] - 1;
        return (rows.narrow(0, 1, count) - rows.narrow(0, 0, count)).norm(1).data<double>().ToArray();
    }
}
