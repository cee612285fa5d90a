namespace LatentSync.Media.Faces.Detection;

/// <summary>An ensemble of regression trees that moves a mean face onto the face in a picture, as dlib's shape_predictor stores
/// it.</summary>
/// <param name="MeanShape">x, y of each point in a unit square, the face's box.</param>
/// <param name="Stages">Run one after the other, each on pixels around the points that the last one gave.</param>
/// <remarks>Kazemi and Sullivan, One Millisecond Face Alignment with an Ensemble of Regression Trees, CVPR 2014.</remarks>
internal sealed record ShapeModel(float[] MeanShape, IReadOnlyList<ShapeStage> Stages)
{
    /// <summary>How many points a face has.</summary>
    public int PointCount => MeanShape.Length / 2;
}

/// <summary>One stage: pixels relative to the points, and full binary trees of one depth that compare pairs of them.</summary>
/// <param name="Anchors">For each pixel the point that it lies near.</param>
/// <param name="Offsets">For each pixel x, y from that point, on the mean face.</param>
/// <param name="Trees">How many trees there are.</param>
/// <param name="SplitsPerTree">Inner nodes of a tree, 2^depth - 1; node n has the children 2n + 1 and 2n + 2.</param>
/// <param name="First">For each split, tree by tree, the pixel from which the second is taken away.</param>
/// <param name="Second">For each split the pixel that is taken away.</param>
/// <param name="Thresholds">For each split: a larger difference goes to the first child.</param>
/// <param name="Leaves">For each leaf, tree by tree, what it adds to the shape.</param>
internal sealed record ShapeStage(
    int[] Anchors,
    float[] Offsets,
    int Trees,
    int SplitsPerTree,
    ushort[] First,
    ushort[] Second,
    float[] Thresholds,
    float[] Leaves
);
