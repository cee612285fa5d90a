using LatentSync.Chunks;
using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Run;

/// <summary>Gives every face back as it came in: what `--identity` puts in the network's place.</summary>
internal sealed class IdentityMouths : IMouthSource
{
    private readonly float[] _planes;

    public IdentityMouths(FaceTemplate template)
    {
        _planes = new float[3 * template.Resolution * template.Resolution];
    }

    public long Seed => 0;

    public double? SecondsPerStep => null;

    public IReadOnlyList<Half[]> Generate(Chunk<AlignedFace> chunk, CancellationToken cancellationToken)
    {
        List<Half[]> mouths = [];
        foreach (AlignedFace face in chunk.Faces)
        {
            face.Square.CopyToPlanes(_planes);
            mouths.Add(Array.ConvertAll(_planes, v => (Half)v));
        }
        return mouths;
    }

    public void Complete() { }

    public void Dispose() { }
}
