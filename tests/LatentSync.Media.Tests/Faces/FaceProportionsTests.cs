using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;

namespace LatentSync.Media.Tests.Faces;

public sealed class FaceProportionsTests
{
    [Fact]
    public void FromFivePoints_FrontalFace_EqualsFromEyes()
    {
        const double d = 60;
        AlignmentPoints eyes = FaceProportions.FromEyes(new(100, 100), new(100 + d, 100));

        AlignmentPoints five = FaceProportions.FromFivePoints(
            new(100, 100),
            new(100 + d, 100),
            new(130, 100 + (FaceProportions.NoseDepth * d)),
            new(110, 100 + (FaceProportions.MouthDepth * d)),
            new(150, 100 + (FaceProportions.MouthDepth * d))
        );

        Assert.True((eyes.LeftBrow - five.LeftBrow).Length < 1e-9);
        Assert.True((eyes.RightBrow - five.RightBrow).Length < 1e-9);
        Assert.True((eyes.Nose - five.Nose).Length < 1e-9);
    }

    [Fact]
    public void FromEyes_TiltedHead_TurnsWithIt()
    {
        AlignmentPoints level = FaceProportions.FromEyes(new(-1, 0), new(1, 0));
        var turn = new AffineMatrix(Math.Cos(0.5), -Math.Sin(0.5), 0, Math.Sin(0.5), Math.Cos(0.5), 0);

        AlignmentPoints turned = FaceProportions.FromEyes(turn.Apply(new(-1, 0)), turn.Apply(new(1, 0)));

        Assert.True((turned.Nose - turn.Apply(level.Nose)).Length < 1e-12);
        Assert.True((turned.LeftBrow - turn.Apply(level.LeftBrow)).Length < 1e-12);
    }

    [Fact]
    public void EyeTriangle_AgainstBrowTriangle_IsSmallerByAFifth()
    {
        // why eyes must not be used in place of brows: the crop would show the face so much larger
        AlignmentPoints brows = FaceProportions.FromEyes(new(0, 0), new(1, 0));
        var eyes = new AlignmentPoints(new(0, 0), new(1, 0), brows.Nose);

        Assert.InRange(brows.Radius / eyes.Radius, 1.20, 1.31);
    }

    [Fact]
    public void From68_UsesBrowsAndNose()
    {
        FacePoint[] p = [.. Enumerable.Range(0, 68).Select(i => new FacePoint(i, i * i))];

        AlignmentPoints points = FaceProportions.From68(p);

        Assert.Equal(19, points.LeftBrow.X, 1e-9);
        Assert.Equal(24, points.RightBrow.X, 1e-9);
        Assert.Equal((29 + 30 + 31 + 33 + 35) / 5.0, points.Nose.X, 1e-9);
    }

    [Fact]
    public void From106_WrongCount_Throws() => Assert.Throws<ArgumentException>(() => FaceProportions.From106(new FacePoint[68]));

    [Fact]
    public void BoxAround_Points_HoldsEyesAndMouth()
    {
        FaceBox box = FaceProportions.BoxAround(FaceProportions.FromEyes(new(100, 100), new(160, 100)));

        Assert.Equal(126, box.Width, 1.0);
        Assert.InRange(box.Bottom, 100 + (60 * 1.7), 100 + (60 * 2.1));
    }
}
