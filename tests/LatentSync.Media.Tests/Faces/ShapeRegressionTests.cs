using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;

namespace LatentSync.Media.Tests.Faces;

public sealed class ShapeRegressionTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Fit_RandomModel_EqualsThePlainDefinition(int seed)
    {
        ShapeModel model = ShapeModelWriter.Random(seed, 17, 4, 9, 15, 40);
        var random = new Random(seed);
        byte[] grey = new byte[60 * 40];
        random.NextBytes(grey);
        var box = new AffineMatrix(25, -4, 12.3, 4, 25, 5.7);
        var points = new FacePoint[17];

        new ShapeRegression(model).Fit(grey, 60, box, points);

        FacePoint[] expected = Plain(model, grey, 60, box);
        for (int i = 0; i < points.Length; i++)
        {
            Assert.True((points[i] - expected[i]).Length < 1e-3, $"{i}: {points[i]}, {expected[i]}");
        }
    }

    /// <summary>Boxes (left, top, right; square) and what dlib 19.24 with the installed model answers there, in <see cref="Fit_InstalledModel_AgreesWithDlib"/>'s
    /// picture.</summary>
    public static TheoryData<int, int, int, string> Dlib =>
        new()
        {
            {
                40,
                30,
                160,
                "36,81 34,94 34,108 37,120 45,129 56,136 67,139 79,143 90,145 101,143 110,137 120,132 130,125 136,115 139,105 141,95 142,86 57,59 66,55 77,50 89,48 99,53 114,56 120,53 129,55 135,57 141,64 105,64 104,69 104,75 103,80 88,94 94,93 100,93 104,94 109,94 65,70 73,66 80,66 85,72 79,72 72,71 114,73 120,68 125,68 131,73 125,74 119,74 68,109 80,106 91,104 96,105 102,104 110,107 118,110 109,118 100,120 94,120 89,120 79,117 72,110 90,108 95,109 100,109 114,110 101,113 96,114 91,114"
            },
            {
                100,
                80,
                190,
                "85,114 86,126 87,139 89,150 95,159 105,165 116,168 130,168 141,167 147,162 151,156 155,149 157,143 159,135 160,128 162,123 163,117 106,102 115,98 125,95 134,94 143,98 159,100 163,97 167,98 170,98 171,102 150,104 151,110 153,116 155,122 138,127 144,128 150,129 154,127 157,125 116,110 122,107 127,107 131,110 126,111 121,111 154,110 159,107 163,106 166,109 162,110 159,110 119,138 132,135 142,135 147,134 150,134 155,133 159,135 155,142 148,149 144,150 139,150 129,147 121,139 141,136 146,136 150,135 157,135 149,145 145,147 140,148"
            },
            {
                -20,
                -30,
                100,
                "1,-7 -2,5 -4,16 -5,28 -3,41 1,51 5,60 13,68 21,71 31,71 44,68 57,63 71,56 82,47 88,36 93,24 98,11 8,-5 16,-7 24,-6 32,-3 39,3 55,6 64,2 72,-1 81,0 88,4 45,14 42,23 40,32 38,40 27,39 31,43 35,45 41,44 46,43 15,7 21,7 27,8 32,12 26,13 20,11 57,15 63,13 69,13 73,15 68,18 62,17 11,43 20,47 27,50 32,51 37,51 43,50 51,49 41,53 34,55 28,55 24,54 17,50 13,44 26,52 30,53 36,53 48,50 36,50 30,50 26,49"
            },
            {
                0,
                0,
                239,
                "4,116 10,138 14,164 23,187 39,209 66,223 98,235 127,236 157,231 182,216 198,201 213,183 225,161 228,137 224,109 215,88 208,71 26,93 41,78 60,70 81,64 103,63 132,53 146,43 161,36 180,33 197,36 123,79 128,84 134,88 140,93 111,123 126,123 141,123 152,118 162,111 51,106 64,97 79,93 95,95 83,101 68,105 144,79 154,68 167,63 182,65 172,72 159,77 72,156 99,145 123,137 139,136 153,131 177,131 197,132 183,161 162,181 146,186 130,188 101,179 80,156 126,145 141,144 155,139 191,136 158,168 143,175 127,178"
            },
        };

    [Theory]
    [MemberData(nameof(Dlib))]
    public void Fit_InstalledModel_AgreesWithDlib(int left, int top, int right, string answer)
    {
        byte[] grey = new byte[240 * 200];
        for (int i = 0; i < grey.Length; i++)
        {
            (int x, int y) = (i % 240, i / 240);
            grey[i] = (byte)(((x * x) + (2 * y * y) + (x * y)) >> 6);
        }
        var points = new FacePoint[68];

        new ShapeRegression(Detectors.Model()).Fit(grey, 240, new AffineMatrix(right - left, 0, left, 0, right - left, top), points);

        string rounded = string.Join(
            ' ',
            points.Select(p => FormattableString.Invariant($"{Math.Floor(p.X + 0.5)},{Math.Floor(p.Y + 0.5)}"))
        );
        Assert.Equal(answer, rounded);
    }

    [Fact]
    public void Fit_BoxOutsideThePicture_SeesBlack()
    {
        ShapeModel model = ShapeModelWriter.Random(7);
        byte[] white = new byte[400];
        white.AsSpan().Fill(255);
        var outside = new AffineMatrix(10, 0, 1000, 0, 10, -1000);
        FacePoint[] points = new FacePoint[68],
            black = new FacePoint[68];

        new ShapeRegression(model).Fit(white, 20, outside, points);
        new ShapeRegression(model).Fit(new byte[400], 20, outside, black);

        Assert.Equal(black, points);
    }

    [Fact]
    public void Measure_DrawnHead_FindsBrowsAndNoseFromARoughBox()
    {
        var points = new ShapePoints(Detectors.Model());
        using var grey = new OpenCvSharp.Mat();
        using (var picture = new FrameMat(TestFrames.Face(640, 480, 300, 200, 80)))
        {
            OpenCvSharp.Cv2.CvtColor(picture.Mat, grey, OpenCvSharp.ColorConversionCodes.RGB2GRAY);
        }

        ShapeReading? right = points.Measure(grey, ShapePoints.BoxFromEyes(new(260, 200), new(340, 200)));
        ShapeReading? rough = points.Measure(grey, ShapePoints.BoxFromEyes(new(254, 206), new(342, 203)));

        Assert.NotNull(right);
        Assert.NotNull(rough);
        Assert.True((right.Points.LeftBrow - rough.Points.LeftBrow).Length < 0.05 * 80, $"{right.Points} {rough.Points}");
        Assert.True((right.Points.Nose - rough.Points.Nose).Length < 0.05 * 80, $"{right.Points} {rough.Points}");
        Assert.InRange(right.Points.RightBrow.X - right.Points.LeftBrow.X, 0.9 * 80, 1.4 * 80);
        Assert.InRange(right.Points.Nose.Y, 200 + (0.3 * 80), 200 + (0.75 * 80));
    }

    [Theory]
    [InlineData(double.NaN, 100)]
    [InlineData(1e12, 100)]
    [InlineData(100, 1e-9)]
    public void Measure_BoxesThatAreNone_FindNothing(double place, double size)
    {
        var points = new ShapePoints(ShapeModelWriter.Random(8));
        using OpenCvSharp.Mat grey = OpenCvSharp.Mat.Zeros(200, 200, OpenCvSharp.MatType.CV_8UC1);

        Assert.Null(points.Measure(grey, new AffineMatrix(size, 0, place, 0, size, place)));
    }

    /// <summary>The definition, step by step, in double precision, with a tree that is walked from its root by recursion.</summary>
    private static FacePoint[] Plain(ShapeModel model, byte[] grey, int width, AffineMatrix box)
    {
        FacePoint[] mean = [.. model.MeanShape.Chunk(2).Select(p => new FacePoint(p[0], p[1]))];
        FacePoint[] shape = [.. mean];
        foreach (ShapeStage stage in model.Stages)
        {
            AffineMatrix turn = RobustSimilarity.Fit(mean, shape, double.MaxValue, 2)!.Value with { C = 0, F = 0 };
            double[] pixels =
            [
                .. stage.Anchors.Select(
                    (anchor, i) =>
                    {
                        FacePoint at = box.Apply(shape[anchor] + turn.Apply(new(stage.Offsets[2 * i], stage.Offsets[(2 * i) + 1])));
                        (int x, int y) = ((int)Math.Floor(at.X + 0.5), (int)Math.Floor(at.Y + 0.5));
                        return x < 0 || y < 0 || x >= width || y >= grey.Length / width ? 0.0 : grey[(y * width) + x];
                    }
                ),
            ];
            FacePoint[] next = [.. shape];
            for (int tree = 0; tree < stage.Trees; tree++)
            {
                int leaf = Walk(stage, tree, 0, pixels);
                int start = ((tree * (stage.SplitsPerTree + 1)) + leaf) * model.MeanShape.Length;
                for (int i = 0; i < next.Length; i++)
                {
                    next[i] += new FacePoint(stage.Leaves[start + (2 * i)], stage.Leaves[start + (2 * i) + 1]);
                }
            }
            shape = next;
        }
        return [.. shape.Select(box.Apply)];
    }

    private static int Walk(ShapeStage stage, int tree, int node, double[] pixels)
    {
        if (node >= stage.SplitsPerTree)
        {
            return node - stage.SplitsPerTree;
        }
        int split = (tree * stage.SplitsPerTree) + node;
        bool first = pixels[stage.First[split]] - pixels[stage.Second[split]] > stage.Thresholds[split];
        return Walk(stage, tree, (2 * node) + (first ? 1 : 2), pixels);
    }
}
