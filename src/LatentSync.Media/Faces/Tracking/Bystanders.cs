using LatentSync.Media.Faces.Alignment;

namespace LatentSync.Media.Faces.Tracking;

/// <summary>The faces that are not followed: where each was last, how it looks, when it was seen. Whoever was seen beside the followed
/// person
/// is somebody else for good.</summary>
internal sealed class Bystanders
{
    private readonly int _memory;
    private readonly List<Bystander> _all = [];

    /// <summary>Nobody is known.</summary>
    /// <param name="memory">Frames for which a face that is not found is expected where it was.</param>
    public Bystanders(int memory) => _memory = memory;

    /// <summary>Everybody who was seen, in the order of their first frames.</summary>
    public IReadOnlyList<PersonSightings> Sightings => [.. _all.Select(person => person.Seen)];

    /// <summary>After a cut nobody is expected anywhere.</summary>
    public void EndShot()
    {
        foreach (Bystander person in _all)
        {
            person.Last = null;
        }
    }

    /// <summary>How far a face is from the bystander whose place is nearest, in units of its size; infinite: nobody can be there.</summary>
    /// <param name="frameIndex">The frame.</param>
    /// <param name="points">The face.</param>
    public double StepTo(long frameIndex, AlignmentPoints points) =>
        _all.Where(person => person.IsExpected(frameIndex, points, _memory))
            .Select(person => FaceSteps.Distance(person.Last!.Value, points))
            .DefaultIfEmpty(double.PositiveInfinity)
            .Min();

    /// <summary>How unlike a look is to the most similar bystander's.</summary>
    /// <param name="look">The look.</param>
    public double DistanceTo(FaceSignature look) =>
        _all.Where(person => person.IsSomebodyElse)
            .Select(person => person.Looks.DistanceTo(look))
            .DefaultIfEmpty(double.PositiveInfinity)
            .Min();

    /// <summary>Takes the faces of a frame that are not the followed one.</summary>
    /// <param name="frameIndex">The frame.</param>
    /// <param name="faces">The faces.</param>
    /// <param name="isBeside">The followed face is in this frame too.</param>
    public void See(long frameIndex, IReadOnlyList<SeenFace> faces, bool isBeside)
    {
        HashSet<Bystander> taken = [];
        foreach (SeenFace face in faces)
        {
            AlignmentPoints points = face.Face.Points;
            Bystander? person = _all.Where(known => !taken.Contains(known) && known.IsExpected(frameIndex, points, _memory))
                .MinBy(known => FaceSteps.Distance(known.Last!.Value, points));
            if (person is null && face.Look is { } look)
            {
                person = _all.Where(known =>
                        !taken.Contains(known) && known.Last is null && known.Looks.DistanceTo(look) < FaceIdentity.Same
                    )
                    .MinBy(known => known.Looks.DistanceTo(look));
            }
            if (person is null)
            {
                person = new Bystander();
                _all.Add(person);
            }
            taken.Add(person);
            person.See(frameIndex, face, isBeside);
        }
        foreach (Bystander lost in _all.Where(person => frameIndex - person.LastFrame > _memory))
        {
            lost.Last = null;
        }
    }

    private sealed class Bystander
    {
        public PersonSightings Seen { get; } = new();

        public FaceGallery Looks { get; } = new();

        public AlignmentPoints? Last { get; set; }

        public long LastFrame { get; private set; }

        /// <summary>Was in one frame with the followed person.</summary>
        public bool IsSomebodyElse { get; private set; }

        public bool IsExpected(long frameIndex, AlignmentPoints points, int memory) =>
            Last is { } last && frameIndex - LastFrame <= memory + 1 && FaceSteps.IsPossible(last, points, frameIndex - LastFrame);

        public void See(long frameIndex, SeenFace face, bool isBeside)
        {
            (Last, LastFrame) = (face.Face.Points, frameIndex);
            IsSomebodyElse |= isBeside;
            if (face.Look is { } look)
            {
                Looks.Add(look);
            }
            Seen.Add(frameIndex);
        }
    }
}
