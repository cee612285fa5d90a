using LatentSync.Attention.Torch.Tensors;
using LatentSync.Checkpoints;
using LatentSync.Models.Layers;
using LatentSync.Models.Loading;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Training.Losses;

/// <summary>LPIPS, version 0.1, with VGG-16: how different two pictures look, measured by the features of a network that recognises
/// objects.</summary>
/// <remarks>
/// The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, arXiv:1801.03924, equation 1; the package lpips 0.1.4. The
/// weights are the user's files: torchvision's VGG-16 and the package's <c>weights/v0.1/vgg.pth</c>. Frozen; gradients reach the pictures.
/// </remarks>
internal sealed class LpipsLoss : nn.Module
{
    private const double Epsilon = 1e-10;

    // Squares below this are taken for it. Where every feature is 0 the root's derivative would be infinite and the gradient NaN, as it
    // is in the package; a root of 1e-15 beside the epsilon changes no value.
    private const double LeastSquare = 1e-30;

    // The package's scaling layer: ImageNet's mean and deviation, for pictures in [-1, 1].
    private static readonly float[] Shift = [-0.030f, -0.088f, -0.188f];
    private static readonly float[] Scale = [0.458f, 0.448f, 0.450f];

    [ComponentName(Name = "trunk")]
    private readonly VggTrunk _trunk;

    [ComponentName(Name = "weights")]
    private readonly StageWeights _weights;

    private LpipsLoss(ScalarType dtype, Device device)
        : base(nameof(LpipsLoss))
    {
        _trunk = new VggTrunk(dtype, device);
        _weights = new StageWeights(device);
        RegisterComponents();
    }

    /// <summary>Loads the two files.</summary>
    /// <param name="vggPath">torchvision's VGG-16, .pth or .safetensors, keys "features.N.weight"; its classifier is not read.</param>
    /// <param name="lpipsPath">The package's vgg.pth, keys "lin0.model.1.weight" to "lin4.model.1.weight".</param>
    /// <param name="dtype">Dtype of the trunk; distances are computed in float32 (float64 for float64).</param>
    /// <param name="device">Where the parameters live.</param>
    /// <exception cref="FileNotFoundException">One of the files is not there.</exception>
    /// <exception cref="CheckpointMismatchException">One of the files belongs to another network; names the file and the keys.</exception>
    /// <exception cref="CheckpointFormatException">One of the files is damaged.</exception>
    public static LpipsLoss Load(string vggPath, string lpipsPath, ScalarType dtype, Device device)
    {
        using TensorArchive vgg = TensorArchive.Open(vggPath);
        using TensorArchive lpips = TensorArchive.Open(lpipsPath);
        return Load(vgg, lpips, dtype, device);
    }

    /// <summary>Loads from opened files.</summary>
    /// <param name="vgg">As above; the caller closes it.</param>
    /// <param name="lpips">As above; the caller closes it.</param>
    /// <param name="dtype">As above.</param>
    /// <param name="device">As above.</param>
    /// <exception cref="CheckpointMismatchException">One of the files belongs to another network; names the file and the keys.</exception>
    /// <exception cref="CheckpointFormatException">One of the files is damaged.</exception>
    public static LpipsLoss Load(TensorArchive vgg, TensorArchive lpips, ScalarType dtype, Device device)
    {
        LpipsLoss loss = new(dtype, device);
        try
        {
            StateDictLoader.Load(loss._trunk, vgg, new StateDictOptions());
            StateDictLoader.Load(loss._weights, lpips, new StateDictOptions { Rename = StageWeights.Rename });
            if (dtype == ScalarType.Float64)
            {
                loss._weights.to(dtype);
            }
            loss.Freeze();
            return loss;
        }
        catch
        {
            loss.Dispose();
            throw;
        }
    }

    /// <summary>The mean distance of pairs of pictures.</summary>
    /// <param name="predicted">(n, 3, h, w) in [-1, 1], sides of at least 16. Not modified.</param>
    /// <param name="target">The same shape. Not modified.</param>
    /// <returns>A scalar, float32 or float64.</returns>
    /// <exception cref="ArgumentException">The shapes differ or are no pictures.</exception>
    public Tensor forward(Tensor predicted, Tensor target)
    {
        using Tensor distances = Distances(predicted, target); // (n)
        return distances.mean();
    }

    /// <summary><see cref="forward"/> of the lower halves: what the U-Net's training compares, since the rest is given.</summary>
    /// <param name="predicted">(n, 3, h, w), h of at least 32. Not modified.</param>
    /// <param name="target">The same shape. Not modified.</param>
    /// <returns>A scalar, float32 or float64.</returns>
    /// <exception cref="ArgumentException">The shapes differ or are no pictures.</exception>
    public Tensor OfLowerHalf(Tensor predicted, Tensor target)
    {
        using Tensor below = FrameBatch.LowerHalf(predicted);
        using Tensor truth = FrameBatch.LowerHalf(target);
        return forward(below, truth);
    }

    /// <summary>The distance of each pair.</summary>
    /// <param name="predicted">(n, 3, h, w) in [-1, 1], sides of at least 16. Not modified.</param>
    /// <param name="target">The same shape. Not modified.</param>
    /// <returns>(n), float32 or float64.</returns>
    /// <exception cref="ArgumentException">The shapes differ or are no pictures.</exception>
    public Tensor Distances(Tensor predicted, Tensor target)
    {
        long[] shape = predicted.shape;
        if (shape.Length != 4 || shape[1] != 3 || shape[2] < VggTrunk.MinimumSide || shape[3] < VggTrunk.MinimumSide)
        {
            throw new ArgumentException(
                $"The pictures are ({string.Join(", ", shape)}); (n, 3, h, w) with sides of at least {VggTrunk.MinimumSide} is required.",
                nameof(predicted)
            );
        }
        if (!shape.SequenceEqual(target.shape))
        {
            throw new ArgumentException(
                $"The target is ({string.Join(", ", target.shape)}), the prediction ({string.Join(", ", shape)}); the same shape is required.",
                nameof(target)
            );
        }
        using DisposeScope scope = NewDisposeScope();
        ScalarType dtype = _trunk.parameters().First().dtype;
        Tensor left = Normalize(predicted, dtype); // (n, 3, h, w)
        Tensor right = Normalize(target, dtype);
        Tensor? total = null;
        for (int stage = 0; stage < VggTrunk.StageChannels.Length; stage++)
        {
            left = left.Then(x => _trunk.ForwardStage(stage, x)); // (n, C, h', w')
            right = right.Then(x => _trunk.ForwardStage(stage, x));
            Tensor distance = StageDistance(left, right, _weights[stage]); // (n)
            total = total is null ? distance : total.ThenAdd(distance);
        }
        return total!.MoveToOuterDisposeScope();
    }

    private static Tensor Normalize(Tensor pictures, ScalarType dtype)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor shift = tensor(Shift).to(dtype, pictures.device).view(1, 3, 1, 1);
        Tensor scale = tensor(Scale).to(dtype, pictures.device).view(1, 3, 1, 1);
        return ((pictures.to(dtype) - shift) / scale).MoveToOuterDisposeScope();
    }

    // mean over positions of Σ_c w_c (x̂_c - ŷ_c)², x̂ of unit length along the channels
    private static Tensor StageDistance(Tensor left, Tensor right, Tensor weights)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor difference = UnitLength(left.to(weights.dtype)) - UnitLength(right.to(weights.dtype)); // (n, C, h, w)
        Tensor weighted = (difference * difference * weights).sum([1L]); // (n, h, w)
        return weighted.mean([1L, 2L]).MoveToOuterDisposeScope();
    }

    private static Tensor UnitLength(Tensor features)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor squares = (features * features).sum([1L], keepdim: true); // (n, 1, h, w)
        Tensor norm = squares.clamp_min(Scalars.Of(LeastSquare)).sqrt();
        return (features / norm.Plus(Epsilon)).MoveToOuterDisposeScope();
    }

    // The package's "lin0.model.1.weight" is "lin0" here; "model.0" is its dropout, which does nothing in evaluation.
    private sealed class StageWeights : nn.Module
    {
        private readonly Parameter[] _stages; // (1, C, 1, 1) each

        public StageWeights(Device device)
            : base("LPIPS")
        {
            _stages =
            [
                .. VggTrunk.StageChannels.Select(channels =>
                {
                    Parameter parameter = new(empty([1, channels, 1, 1], ScalarType.Float32, device));
                    parameter.DetachFromDisposeScope();
                    return parameter;
                }),
            ];
            for (int stage = 0; stage < _stages.Length; stage++)
            {
                register_parameter(Name(stage), _stages[stage]);
            }
        }

        public Tensor this[int stage] => get_parameter(Name(stage))!;

        public static string? Rename(string key) =>
            key.StartsWith("lin", StringComparison.Ordinal) && key.EndsWith(".model.1.weight", StringComparison.Ordinal) ? key[..^15] : key;

        private static string Name(int stage) => $"lin{stage}";
    }
}
