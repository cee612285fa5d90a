using LatentSync.Attention.Torch.Tensors;
using LatentSync.Checkpoints;
using LatentSync.Models.Loading;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Training.Losses;

/// <summary>TREPA: how differently two clips move, measured by the features of a network that recognises actions.</summary>
/// <remarks>
/// LatentSync, arXiv:2412.09262, section 3.3. The network is the user's file, the original's VideoMAE-v2 giant or any other size. Frozen;
/// gradients reach the frames.
/// </remarks>
internal sealed class TrepaLoss : nn.Module
{
    private const double LeastLength = 1e-12; // of torch.nn.functional.normalize

    private static readonly string[] Prefixes = ["module.", "model.", ""];

    [ComponentName(Name = "network")]
    private readonly VideoTransformer _network;

    private TrepaLoss(VideoTransformerConfiguration configuration, ScalarType dtype, Device device)
        : base(nameof(TrepaLoss))
    {
        Configuration = configuration;
        _network = new VideoTransformer(configuration, dtype, device);
        RegisterComponents();
    }

    /// <summary>The shape of the network.</summary>
    public VideoTransformerConfiguration Configuration { get; }

    /// <summary>Loads the network.</summary>
    /// <param name="path">A VideoMAE-v2 file: the weights under "module" or "model", or by themselves; its classifier "head" is not
    /// read.</param>
    /// <param name="dtype">Dtype of parameters and features.</param>
    /// <param name="device">Where the parameters live.</param>
    /// <param name="headCount">Heads, where the network is none of the published sizes.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelConfigurationException">The file holds another kind of network.</exception>
    /// <exception cref="CheckpointMismatchException">Weights are missing, have another shape, or are unknown; nothing is
    /// overlooked.</exception>
    /// <exception cref="CheckpointFormatException">The file is damaged.</exception>
    public static TrepaLoss Load(string path, ScalarType dtype, Device device, int? headCount = null)
    {
        using TensorArchive archive = TensorArchive.Open(path);
        return Load(archive, dtype, device, headCount);
    }

    /// <summary>Loads the network from an opened file.</summary>
    /// <param name="archive">As above; the caller closes it.</param>
    /// <param name="dtype">As above.</param>
    /// <param name="device">As above.</param>
    /// <param name="headCount">As above.</param>
    /// <exception cref="ModelConfigurationException">The file holds another kind of network.</exception>
    /// <exception cref="CheckpointMismatchException">Weights are missing, have another shape, or are unknown; nothing is
    /// overlooked.</exception>
    /// <exception cref="CheckpointFormatException">The file is damaged.</exception>
    public static TrepaLoss Load(TensorArchive archive, ScalarType dtype, Device device, int? headCount = null)
    {
        string prefix = Prefixes.First(candidate =>
            candidate.Length == 0 || archive.Tensors.Keys.Any(key => key.StartsWith(candidate + "patch_embed.", StringComparison.Ordinal))
        );
        VideoTransformerConfiguration configuration = VideoTransformerConfiguration.FromArchive(archive, prefix, headCount);
        StateDictOptions options = new()
        {
            Prefix = prefix,
            Strictness = StateDictStrictness.Exact,
            Rename = WithoutHead,
        };
        using (VideoTransformer outline = new(configuration, dtype, META))
        {
            StateDictLoader.EnsureFits(outline, archive, options);
        }
        TrepaLoss loss = new(configuration, dtype, device);
        try
        {
            StateDictLoader.Load(loss._network, archive, options);
            loss.Freeze();
            return loss;
        }
        catch
        {
            loss.Dispose();
            throw;
        }
    }

    /// <summary>The mean of (features of one - features of the other)², both of unit length.</summary>
    /// <param name="predicted">(b·f, 3, H, W) in [-1, 1], frame fastest. Not modified.</param>
    /// <param name="target">The same shape. Not modified.</param>
    /// <param name="framesPerClip">f, a multiple of the network's frames per patch (2).</param>
    /// <returns>A scalar, float32 (float64 for a float64 network).</returns>
    /// <exception cref="ArgumentException">The shapes differ or do not fit the number of frames.</exception>
    public Tensor forward(Tensor predicted, Tensor target, int framesPerClip)
    {
        if (!predicted.shape.SequenceEqual(target.shape))
        {
            throw new ArgumentException(
                $"The target is ({string.Join(", ", target.shape)}), the prediction ({string.Join(", ", predicted.shape)}); the same shape is required.",
                nameof(target)
            );
        }
        using DisposeScope scope = NewDisposeScope();
        Tensor difference = UnitLength(Features(predicted, framesPerClip)) - UnitLength(Features(target, framesPerClip)); // (b, C)
        return (difference * difference).mean().MoveToOuterDisposeScope();
    }

    /// <summary>The network's features of clips.</summary>
    /// <param name="frames">(b·f, 3, H, W) in [-1, 1], frame fastest; resized, mapped to [0, 1] and clamped. Not modified.</param>
    /// <param name="framesPerClip">f.</param>
    /// <returns>(b, C) in the network's dtype.</returns>
    /// <exception cref="ArgumentException">The frames are no clips of this length, or the length is no multiple of the network's frames per
    /// patch.</exception>
    public Tensor Features(Tensor frames, int framesPerClip)
    {
        if (framesPerClip < 1 || framesPerClip % Configuration.PatchFrames != 0)
        {
            throw new ArgumentException(
                $"Clips have {framesPerClip} frames; a multiple of {Configuration.PatchFrames} is required.",
                nameof(framesPerClip)
            );
        }
        using DisposeScope scope = NewDisposeScope();
        Tensor resized = FrameBatch.Resize(frames, Configuration.PictureSide); // (b·f, 3, side, side)
        Tensor unit = resized.Times(0.5).Plus(0.5).clamp(Scalars.Zero, Scalars.One);
        Tensor video = FrameBatch.ToVideo(unit, framesPerClip).to(_network.parameters().First().dtype); // (b, 3, f, side, side)
        return _network.Forward(video).MoveToOuterDisposeScope();
    }

    private static Tensor UnitLength(Tensor features)
    {
        Tensor wide = features.dtype == ScalarType.Float64 ? features : features.to(ScalarType.Float32);
        Tensor length = (wide * wide).sum([1L], keepdim: true).sqrt(); // (b, 1)
        return wide / length.clamp_min(Scalars.Of(LeastLength));
    }

    private static string? WithoutHead(string key) => key is "head.weight" or "head.bias" ? null : key;
}
