namespace LatentSync.Media.Faces.Tracking;

/// <summary>How one person looked so far: a few signatures that differ from each other.</summary>
internal sealed class FaceGallery
{
    private const int Most = 24;
    private const double LeastNew = 0.06;

    private readonly List<FaceSignature> _looks = [];

    /// <summary>Largest distance of an added look to a known one.</summary>
    public double Spread { get; private set; }

    /// <summary>Nothing is known yet.</summary>
    public bool IsEmpty => _looks.Count == 0;

    /// <summary>Adds a look, unless it resembles a known one.</summary>
    /// <param name="look">The signature.</param>
    public void Add(FaceSignature look)
    {
        double nearest = double.PositiveInfinity;
        foreach (FaceSignature known in _looks)
        {
            double distance = known.DistanceTo(look);
            nearest = Math.Min(nearest, distance);
            Spread = Math.Max(Spread, distance);
        }
        if (_looks.Count < Most && nearest >= LeastNew)
        {
            _looks.Add(look);
        }
    }

    /// <summary>Distance to the most similar look; infinite where there is none.</summary>
    /// <param name="look">A signature.</param>
    public double DistanceTo(FaceSignature look) => IsEmpty ? double.PositiveInfinity : _looks.Min(known => known.DistanceTo(look));
}
