using LatentSync.Evaluation.Confidence;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Faces.Tracking;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Evaluation.Tests.Confidence;

public sealed class SyncFaceCropTests
{
    private const int Side = 224;

    [Fact]
    public void Median_AnyValues_EqualsTheDefinitionWithZerosBeyondTheEnds()
    {
        Random random = new(3);
        double[] values = [.. Enumerable.Range(0, 40).Select(_ => random.NextDouble() * 100)];

        double[] actual = SyncFaceCrop.Median(values);

        for (int i = 0; i < values.Length; i++)
        {
            double[] window = [.. Enumerable.Range(i - 6, 13).Select(at => at is >= 0 and < 40 ? values[at] : 0).Order()];
            Assert.Equal(window[6], actual[i]);
        }
    }

    [Fact]
    public void Region_FaceInTheMiddle_HoldsTheMouthBelowTheCentre()
    {
        // s = 80, centre (200, 150): columns 200 ± 112, rows 150 - 80 .. 150 + 144
        SyncFaceCrop crop = new(Track(new FaceBox(120, 80, 280, 220), 30));

        Assert.Equal((88, 70, 224, 224), crop.Region(15));
    }

    [Fact]
    public void Region_AtTheEnds_FollowsTheFilterThatSeesZerosThere()
    {
        // Six of thirteen values are zeros at the first frame: the median is the smallest real one, here the same.
        SyncFaceCrop crop = new(Track(new FaceBox(120, 80, 280, 220), 30));

        Assert.Equal(crop.Region(15), crop.Region(0));
    }

    [Fact]
    public void Cut_RegionOfTheSameSize_CopiesPixelsAsBlueGreenRed()
    {
        using VideoFrame frame = Pattern(400, 300);
        SyncFaceCrop crop = new(Track(new FaceBox(120, 80, 280, 220), 30));
        float[] planes = new float[3 * Side * Side];

        crop.Cut(15, frame, planes);

        for (int v = 0; v < Side; v += 13)
        {
            for (int u = 0; u < Side; u += 7)
            {
                int from = 3 * (((70 + v) * 400) + 88 + u);
                for (int c = 0; c < 3; c++)
                {
                    Assert.Equal(frame.Rgb[from + c], planes[((2 - c) * Side * Side) + (v * Side) + u]);
                }
            }
        }
    }

    [Fact]
    public void Cut_BeyondThePicture_IsGrey110()
    {
        using VideoFrame frame = Pattern(400, 300);
        SyncFaceCrop crop = new(Track(new FaceBox(-80, -70, 80, 70), 30)); // centre (0, 0): the left half is outside
        float[] planes = new float[3 * Side * Side];

        crop.Cut(15, frame, planes);

        Assert.Equal(110, planes[0]);
        Assert.Equal(110, planes[(Side * Side) - Side]); // bottom left
        Assert.Equal(frame.Rgb[(3 * ((100 * 400) + 50)) + 2], planes[((80 + 100) * Side) + 112 + 50]);
    }

    [Fact]
    public void Cut_LargerRegion_AveragesNeighbours()
    {
        // A horizontal ramp stays one: at twice the size every small pixel lies between two large ones.
        byte[] rgb = new byte[3 * 600 * 600];
        for (int i = 0; i < rgb.Length; i++)
        {
            rgb[i] = (byte)(i / 3 % 600 / 3);
        }
        using VideoFrame frame = new(600, 600, rgb, 0);
        SyncFaceCrop crop = new(Track(new FaceBox(140, 110, 460, 410), 30)); // s = 160: 448 wide
        (int left, _, int width, _) = crop.Region(15);
        float[] planes = new float[3 * Side * Side];

        crop.Cut(15, frame, planes);

        Assert.Equal(448, width);
        for (int u = 0; u < Side; u++)
        {
            Assert.InRange(planes[(100 * Side) + u] - ((left + (2 * u) + 0.5) / 3), -1.01, 1.01);
        }
    }

    internal static SpeakerTrack Track(FaceBox box, int frames) =>
        new([
            .. Enumerable
                .Range(0, frames)
                .Select(i => new TrackedFace(i, new AlignmentPoints(new(1, 1), new(2, 1), new(1.5, 2)), box, 1, false, 0)),
        ]);

    private static VideoFrame Pattern(int width, int height)
    {
        byte[] rgb = new byte[3 * width * height];
        new Random(5).NextBytes(rgb);
        return new VideoFrame(width, height, rgb, 0);
    }
}
