namespace LatentSync.Media.Faces.Compositing;

/// <summary>How a generated face is pasted into its frame.</summary>
public sealed record FaceCompositorOptions
{
    /// <summary>Width of the soft edge as a fraction of the square picture's side, 0..0.25; it lies inside the generated region. Default
    /// 0.03 (8 pixels at 256).</summary>
    public double Feather { get; init; } = 0.03;

    /// <summary>Fit mean and contrast of the generated face to the original's along the edge, per channel. Default false.</summary>
    /// <remarks>Exactly nothing happens when the face equals the original. See <see cref="ColourMatch"/> for what was measured.</remarks>
    public bool MatchColour { get; init; }
}
