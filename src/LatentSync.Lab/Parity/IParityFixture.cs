namespace LatentSync.Lab.Parity;

/// <summary>Recomputes one kind of golden fixture with this project's own code and compares.</summary>
public interface IParityFixture
{
    /// <summary>True when this class can compute the fixture whose manifest has this "fixture" and "component".</summary>
    /// <param name="manifest">The parsed manifest.json.</param>
    bool Recognises(ParityManifest manifest);

    /// <summary>Computes and compares.</summary>
    /// <param name="manifest">The parsed manifest.json; names its folder.</param>
    /// <returns>One comparison per output tensor or figure.</returns>
    IEnumerable<ParityComparison> Run(ParityManifest manifest);
}
