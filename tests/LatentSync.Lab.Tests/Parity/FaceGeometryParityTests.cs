using System.Text.Json;
using LatentSync.Checkpoints;
using LatentSync.Lab.Parity;
using LatentSync.Testing;
using static TorchSharp.torch;

namespace LatentSync.Lab.Tests.Parity;

[Trait("Category", "Parity")]
public sealed class FaceGeometryParityTests
{
    [Fact]
    public void Run_GoldenFixture_EveryTensorWithinItsTolerance()
    {
        ParityManifest manifest = Golden("face_geometry");
        var fixture = new FaceGeometryParity();
        Assert.True(fixture.Recognises(manifest));

        IReadOnlyList<ParityComparison> results = [.. fixture.Run(manifest)];

        Assert.All(results, result => Assert.True(result.Passed, $"{result.Name}: {result.Detail}"));
        // 5 matrix tensors, 5 crop + 4 square crop tensors with 3 statistics each, 1 resize, 2 x (3 tensors + 4 figures)
        Assert.Equal(5 + 9 + 12 + 1 + 14, results.Count);
    }

    [Theory]
    [InlineData("at most 1 grey level on 99.5 % of the values, mean difference <= 0.1 (truncated)", 1, 0.995, 0.1)]
    [InlineData("at most 2 levels on 98 % of the values, mean difference at most 0.25", 2, 0.98, 0.25)]
    [InlineData("information only", 1, 0.995, 0.1)]
    public void PictureTolerances_Words_AreRead(string prose, double levels, double share, double mean)
    {
        (double Levels, double Share, double Mean) found = FaceGeometryParity.PictureTolerances(prose);
        Assert.Equal(levels, found.Levels);
        Assert.Equal(share, found.Share, 1e-12);
        Assert.Equal(mean, found.Mean);
    }

    [Theory]
    [InlineData("image")]
    [InlineData("matrices")]
    [InlineData("bias")]
    [InlineData("restore.face32")]
    public void Run_WithoutATensor_ComparesTheRest(string missing)
    {
        ParityManifest golden = Golden("face_geometry");
        string folder = Directory.CreateTempSubdirectory("face parity ").FullName;
        try
        {
            using (TensorArchive archive = TensorArchive.Open(Path.Combine(golden.Folder, "io.safetensors")))
            {
                SafetensorsWriter.Write(
                    Path.Combine(folder, "io.safetensors"),
                    archive
                        .Tensors.Values.Where(t => t.Name != missing)
                        .Select(t => KeyValuePair.Create(t.Name, Copy(archive, t)))
                        .ToArray(),
                    new Dictionary<string, string>()
                );
            }
            ParityComparison[] results = [.. new FaceGeometryParity().Run(golden with { Folder = folder })];
            Assert.NotEmpty(results);
            Assert.All(results, result => Assert.True(result.Passed, $"{result.Name}: {result.Detail}"));
            Assert.DoesNotContain(results, result => result.Name == missing);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static TensorPayload Copy(TensorArchive archive, TensorInfo info)
    {
        using Tensor tensor = ParityTensors.Read(archive, info.Name);
        byte[] bytes = tensor.bytes.ToArray();
        return new TensorPayload(info.ElementType, info.Shape, stream => stream.Write(bytes));
    }

    [Fact]
    public void Recognises_AnotherFixture_IsFalse() => Assert.False(new FaceGeometryParity().Recognises(Golden("ddim")));

    private static ParityManifest Golden(string name)
    {
        string folder = Path.Combine(RepositoryRoot.Find(), "tests", "Data", "golden", name);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "manifest.json")));
        return new ParityManifest(folder, document.RootElement.Clone());
    }
}
