using LatentSync.Chunks;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Run;

/// <summary>Gives every face back as it came in, in the network's place: checks detection, alignment and pasting.</summary>
internal sealed class IdentityMouths : IMouthSource
{
    private readonly float[] _planes;

    public IdentityMouths(FaceTemplate template)
    {
        _planes = new float[3 * template.Resolution * template.Resolution];
    }

    public MouthFacts Facts { get; } = new(0, "none", "none", Sentence.Say("identity run: no network")) { KeepsOwnFace = true };

    public double? SecondsPerStep => null;

    public Task<IReadOnlyList<Half[]>> GenerateAsync(Chunk<AlignedFace> chunk, CancellationToken cancellationToken)
    {
        List<Half[]> mouths = [];
        foreach (AlignedFace face in chunk.Faces)
        {
            face.Square.CopyToPlanes(_planes);
            mouths.Add(Array.ConvertAll(_planes, v => (Half)v));
        }
        return Task.FromResult<IReadOnlyList<Half[]>>(mouths);
    }

    public void Complete() { }

    public void Dispose() { }
}
