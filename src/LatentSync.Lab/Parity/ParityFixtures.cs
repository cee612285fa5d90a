namespace LatentSync.Lab.Parity;

/// <summary>The kinds of fixture that this project computes.</summary>
public static class ParityFixtures
{
    /// <summary>One entry a kind; the first that recognises a manifest computes it.</summary>
    public static IReadOnlyList<IParityFixture> All { get; } =
    [
        new AudioParity(),
        new DdimParity(),
        new FaceGeometryParity(),
        new PipelineParity(),
        new SceneCutsParity(),
        new SyncNetParity(),
        new UNetParity(),
        new VaeParity(),
        new WhisperParity(),
    ];
}
