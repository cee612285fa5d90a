using System.Text.Json;
using LatentSync.Parity;
using LatentSync.Testing;

namespace LatentSync.Tests.Parity;

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

    [Fact]
    public void Recognises_AnotherFixture_IsFalse() => Assert.False(new FaceGeometryParity().Recognises(Golden("ddim")));

    private static ParityManifest Golden(string name)
    {
        string folder = Path.Combine(RepositoryRoot.Find(), "tests", "Data", "golden", name);
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "manifest.json")));
        return new ParityManifest(folder, document.RootElement.Clone());
    }
}
