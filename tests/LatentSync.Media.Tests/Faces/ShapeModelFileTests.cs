using LatentSync.Media.Faces.Detection;

namespace LatentSync.Media.Tests.Faces;

public sealed class ShapeModelFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("shape").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1, 1, 1, 1, 2)]
    [InlineData(2, 3, 5, 7, 20)]
    [InlineData(3, 2, 4, 15, 300)]
    public void Read_WrittenModel_HasEveryNumber(int seed, int stages, int trees, int splits, int pixels)
    {
        ShapeModel expected = ShapeModelWriter.Random(seed, 68, stages, trees, splits, pixels);

        ShapeModel read = ShapeModelFile.Read(Save(ShapeModelWriter.Write(expected)));

        Assert.Equal(expected.MeanShape, read.MeanShape);
        Assert.Equal(stages, read.Stages.Count);
        foreach ((ShapeStage e, ShapeStage r) in expected.Stages.Zip(read.Stages))
        {
            Assert.Equal((e.Trees, e.SplitsPerTree), (r.Trees, r.SplitsPerTree));
            Assert.Equal(e.Anchors, r.Anchors);
            Assert.Equal(e.Offsets, r.Offsets);
            Assert.Equal(e.First, r.First);
            Assert.Equal(e.Second, r.Second);
            Assert.Equal(e.Thresholds, r.Thresholds);
            Assert.Equal(e.Leaves, r.Leaves);
        }
    }

    [Fact]
    public void Read_InstalledModel_IsTheOneThatItsDescriptionSays()
    {
        ShapeModel model = Detectors.Model();

        Assert.Equal(68, model.PointCount);
        Assert.Equal(15, model.Stages.Count);
        Assert.All(model.Stages, stage => Assert.Equal((500, 15, 500), (stage.Trees, stage.SplitsPerTree, stage.Anchors.Length)));
        // of the mean face: the tip of the nose in the middle, the outer corners of the eyes on one height
        Assert.Equal(0.5, model.MeanShape[2 * 30], 0.001);
        Assert.Equal(model.MeanShape[(2 * 36) + 1], model.MeanShape[(2 * 45) + 1], 0.001);
    }

    [Fact]
    public void Read_CutAnywhere_IsATypedFault()
    {
        byte[] whole = ShapeModelWriter.Write(ShapeModelWriter.Random(4, 68, 1, 1, 1, 2));
        for (int length = 0; length < whole.Length; length++)
        {
            byte[] cut = whole[..length];
            FaceException e = Assert.Throws<FaceException>(() => ReadBytes(cut));
            Assert.Equal(FaceFault.Model, e.Fault);
        }
    }

    [Fact]
    public void Read_AnyByteChanged_IsAModelOrATypedFault()
    {
        byte[] whole = ShapeModelWriter.Write(ShapeModelWriter.Random(5, 2, 2, 2, 3, 4));
        var random = new Random(6);
        int refused = 0;
        for (int i = 0; i < 4000; i++)
        {
            byte[] changed = [.. whole];
            changed[random.Next(whole.Length)] = (byte)random.Next(256);
            try
            {
                ShapeModel model = ReadBytes(changed);
                var points = new Media.Faces.Alignment.FacePoint[model.PointCount];
                new ShapeRegression(model).Fit(new byte[64], 8, new(8, 0, 0, 0, 8, 0), points);
            }
            catch (FaceException e)
            {
                Assert.Equal(FaceFault.Model, e.Fault);
                refused++;
            }
        }
        Assert.InRange(refused, 400, 3999);
    }

    public static TheoryData<string, byte[]> Hostile =>
        new()
        {
            { "version", new ShapeModelWriter().Integer(2).Bytes },
            { "begins no integer", [0x31] },
            { "begins no integer", [0x0F, 1, 2, 3] },
            { "63 bits", [0x08, 255, 255, 255, 255, 255, 255, 255, 255] },
            { "mean shape", new ShapeModelWriter().Integer(1).Integer(-1_000_000_000_000).Integer(-1).Bytes },
            { "mean shape", new ShapeModelWriter().Integer(1).Integer(-136).Integer(-2_000_000_000).Bytes },
            { "pairs", new ShapeModelWriter().Integer(1).Column([1, 2, 3, 4, 5]).Bytes },
            { "no finite number", new ShapeModelWriter().Integer(1).Column([1, float.NaN, 3, 4]).Bytes },
            { "no finite number", new ShapeModelWriter().Integer(1).Column([1, 2, float.PositiveInfinity, 4]).Bytes },
            {
                "no finite number",
                new ShapeModelWriter().Integer(1).Integer(-4).Integer(-1).Integer(1 << 20).Integer(1000).Integer(0).Integer(0).Bytes
            },
            { "number of stages", Begun().Integer(1_000_000).Bytes },
            { "number of stages", Begun().Integer(0).Bytes },
            { "can hold", Begun().Integer(1).Integer(10_000).Bytes },
            { "number of trees", Begun().Integer(1).Integer(2_000_000_000).Bytes },
            { "full tree", Begun().Integer(1).Integer(1).Integer(2).Column(new float[40]).Bytes },
            { "first pixel", Begun().Integer(1).Integer(1).Integer(1).Integer(70_000).Column(new float[40]).Bytes },
            { "first pixel", Begun().Integer(1).Integer(1).Integer(1).Integer(-1).Column(new float[40]).Bytes },
            {
                "number of leaves",
                Begun().Integer(1).Integer(1).Integer(1).Integer(0).Integer(1).Number(0).Integer(3).Column(new float[40]).Bytes
            },
            {
                "a leaf is",
                Begun().Integer(1).Integer(1).Integer(1).Integer(0).Integer(1).Number(0).Integer(2).Column(new float[40]).Bytes
            },
            { "an anchor", OneTree(1).Integer(1).Integer(2).Integer(0).Integer(2).Bytes },
            { "beyond the 2 of its stage", OneTree(2).Integer(1).Integer(2).Integer(0).Integer(1).Bytes },
            { "number of stages of the anchors", OneTree(1).Integer(2).Bytes },
            { "number of offsets", OneTree(1).Integer(1).Integer(2).Integer(0).Integer(1).Integer(1).Integer(3).Bytes },
            { "follow the model", [.. ShapeModelWriter.Write(ShapeModelWriter.Random(1, 2, 1, 1, 1, 2)), 0] },
        };

    [Theory]
    [MemberData(nameof(Hostile))]
    public void Read_HostileFile_SaysWhatIsWrong(string said, byte[] bytes)
    {
        FaceException e = Assert.Throws<FaceException>(() => ReadBytes(bytes));

        Assert.Equal(FaceFault.Model, e.Fault);
        Assert.Contains(said, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_ModelOfFivePoints_SaysHowManyAreRequired()
    {
        FaceException e = Assert.Throws<FaceException>(() =>
            ShapeModelFile.Read(Save(ShapeModelWriter.Write(ShapeModelWriter.Random(1, points: 5))))
        );

        Assert.Contains("5 points; 68", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_NoFile_IsMissing() =>
        Assert.Equal(FaceFault.Missing, Assert.Throws<FaceException>(() => ShapeModelFile.Read(Path.Combine(_folder, "none.dat"))).Fault);

    private static ShapeModelWriter Begun() => new ShapeModelWriter().Integer(1).Column([0, 0, 1, 1]);

    private static ShapeModelWriter OneTree(int pixel) =>
        Begun()
            .Integer(1)
            .Integer(1)
            .Integer(1)
            .Integer(0)
            .Integer(pixel)
            .Number(0.5f)
            .Integer(2)
            .Column(new float[4])
            .Column(new float[4]);

    private static ShapeModel ReadBytes(byte[] bytes) =>
        ShapeModelFile.Read(new MemoryStream(bytes), what => new FaceException(FaceFault.Model, $"wrong: {what}"));

    private string Save(byte[] bytes)
    {
        string path = Path.Combine(_folder, ShapeModelFile.FileName);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
