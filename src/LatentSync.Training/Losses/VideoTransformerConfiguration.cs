using LatentSync.Checkpoints;
using LatentSync.Foundation.Wording;
using LatentSync.Models.Loading;

namespace LatentSync.Training.Losses;

/// <summary>The shape of a VideoMAE-v2 network: everything but the number of heads stands in the shapes of its tensors.</summary>
internal sealed record VideoTransformerConfiguration
{
    private const string PatchKey = "patch_embed.proj.weight";
    private const int MaximumWidth = 1 << 14;
    private const int MaximumDepth = 256;

    /// <summary>Channels of a token. 1408 in the giant.</summary>
    public required int Width { get; init; }

    /// <summary>Transformer blocks. 40 in the giant.</summary>
    public required int Depth { get; init; }

    /// <summary>Heads of every attention; divides the width. 16 in the giant.</summary>
    public required int HeadCount { get; init; }

    /// <summary>Width inside the two-layer network of a block. 6144 in the giant.</summary>
    public required int HiddenWidth { get; init; }

    /// <summary>Pixels of a side of a patch. 14 in the giant.</summary>
    public required int PatchSide { get; init; }

    /// <summary>Frames of a patch. 2 in all published networks.</summary>
    public required int PatchFrames { get; init; }

    /// <summary>Side of the pictures, in pixels. Default 224, of all published networks.</summary>
    public int PictureSide { get; init; } = 224;

    /// <summary>Frames of the clips that the positions are made for. Default 16, of all published networks.</summary>
    public int ClipFrames { get; init; } = 16;

    /// <summary>Reads the shape of the network in a file.</summary>
    /// <param name="archive">The file.</param>
    /// <param name="prefix">Text in front of each key.</param>
    /// <param name="headCount">Heads; null for those of the published network of this width, else width / 64.</param>
    /// <exception cref="ModelConfigurationException">The file holds no such network.</exception>
    public static VideoTransformerConfiguration FromArchive(TensorArchive archive, string prefix, int? headCount = null)
    {
        IReadOnlyList<long> patch = Shape(archive, prefix, PatchKey, 5); // (C, 3, frames, side, side)
        IReadOnlyList<long> hidden = Shape(archive, prefix, "blocks.0.mlp.fc1.weight", 2); // (hidden, C)
        int depth = 0;
        while (depth <= MaximumDepth && archive.Tensors.ContainsKey($"{prefix}blocks.{depth}.mlp.fc1.weight"))
        {
            depth++;
        }
        if (
            patch[1] != 3
            || patch[3] != patch[4]
            || patch.Any(size => size is < 1 or > MaximumWidth)
            || hidden[0] is < 1 or > 16 * MaximumWidth
            || depth > MaximumDepth
        )
        {
            throw new ModelConfigurationException(
                $"{archive.Path} cannot be used: {PatchKey} is ({string.Join(", ", patch)}), (width, 3, frames, side, side) is required, and at most {MaximumDepth} blocks."
            );
        }
        int width = (int)patch[0];
        VideoTransformerConfiguration configuration = new()
        {
            Width = width,
            Depth = depth,
            HeadCount = headCount ?? PublishedHeads(width),
            HiddenWidth = (int)hidden[0],
            PatchFrames = (int)patch[2],
            PatchSide = (int)patch[3],
        };
        configuration.Validate();
        return configuration;
    }

    /// <summary>Checks what the entries require of each other.</summary>
    /// <exception cref="ModelConfigurationException">The network cannot be built; says why.</exception>
    public void Validate()
    {
        if (HeadCount < 1 || Width % HeadCount != 0)
        {
            throw Unusable($"{HeadCount} heads do not divide the width {Width}; give the number of heads");
        }
        if (Width % 2 != 0)
        {
            throw Unusable($"the width {Width} is odd, and positions are pairs of sine and cosine");
        }
        if (PatchSide < 1 || PictureSide % PatchSide != 0 || PatchFrames < 1 || ClipFrames % PatchFrames != 0)
        {
            throw Unusable(
                $"patches of {PatchFrames} frames with {PatchSide} pixels do not divide clips of {ClipFrames} frames with {PictureSide} pixels"
            );
        }
        if (Depth < 1 || HiddenWidth < 1)
        {
            throw Unusable($"{Depth} blocks with a hidden width of {HiddenWidth}, at least 1 is required of both");
        }
    }

    // Small, base, large, huge and giant; other widths by the usual 64 channels a head.
    private static int PublishedHeads(int width) =>
        width switch
        {
            1280 or 1408 => 16,
            _ => Math.Max(width / 64, 1),
        };

    private static IReadOnlyList<long> Shape(TensorArchive archive, string prefix, string key, int axes) =>
        archive.Tensors.TryGetValue(prefix + key, out TensorInfo? info) && info.Shape.Count == axes
            ? info.Shape
            : throw new ModelConfigurationException(
                $"{archive.Path} is not a VideoMAE-v2 network: it has no {key} of {axes} axes; give the original's vit_g_hybrid_pt_1200e_ssv2_ft.pth."
            );

    private static ModelConfigurationException Unusable(Sentence reason) => new($"The VideoMAE-v2 network cannot be used: {reason}.");
}
