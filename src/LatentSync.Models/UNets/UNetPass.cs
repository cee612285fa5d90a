using LatentSync.Models.Layers;
using static TorchSharp.torch;

namespace LatentSync.Models.UNets;

/// <summary>Receives the output of an inner module; the tensor is valid during the call only and must not be modified.</summary>
/// <param name="module">Path as in the state dictionary, for instance "down_blocks.0.resnets.1".</param>
/// <param name="output">In the original's axis order: (b, C, f, h, w) for blocks, (b·f, h·w, C) inside transformers.</param>
public delegate void UNetObserver(string module, Tensor output);

/// <summary>What every layer of one network shares.</summary>
internal sealed record UNetSettings(UNet3DConfiguration Configuration, ScalarType Dtype, Device Device)
{
    public GroupNormLayer GroupNorm(long groups, long channels, double epsilon) => new(groups, channels, epsilon, Dtype, Device);

    public TokenNormLayer TokenNorm(long channels) => new(channels, Dtype, Device);

    public LinearLayer Linear(long inFeatures, long outFeatures, bool hasBias = true) =>
        new(inFeatures, outFeatures, Dtype, Device, hasBias);

    public Conv2dLayer Conv3x3(long inChannels, long outChannels, long stride = 1, long padding = 1) =>
        new(inChannels, outChannels, 3, Dtype, Device, stride, padding);

    public Conv2dLayer Conv1x1(long inChannels, long outChannels) => new(inChannels, outChannels, 1, Dtype, Device);
}

/// <summary>What every layer of one forward call shares.</summary>
/// <param name="Batch">b, chunks side by side.</param>
/// <param name="Frames">f, frames of a chunk.</param>
/// <param name="TimeEmbedding">(b, 4 · C0).</param>
/// <param name="AudioTokens">((b - ZeroContextItems) · f, S, X); null when no item has tokens.</param>
/// <param name="ZeroContextItems">So many leading items of the batch have audio tokens that are all zero.</param>
/// <param name="Observer">Sees inner outputs; null costs nothing.</param>
/// <param name="CancellationToken">Checked between the layers.</param>
/// <param name="GradientCheckpointing">Layers called through <see cref="Layer"/> keep their inputs only while gradients are
/// recorded.</param>
internal sealed record UNetPass(
    long Batch,
    long Frames,
    Tensor TimeEmbedding,
    Tensor? AudioTokens,
    int ZeroContextItems,
    UNetObserver? Observer,
    CancellationToken CancellationToken = default,
    bool GradientCheckpointing = false
)
{
    /// <summary>Whether the audio attention takes part, be it with zeros only.</summary>
    public bool HasContext => AudioTokens is not null || ZeroContextItems > 0;

    /// <summary>To be called where a layer begins; what is computed so far belongs to the call's dispose scope.</summary>
    public void ThrowIfCancelled() => CancellationToken.ThrowIfCancellationRequested();

    /// <summary>Calls a resnet, spatial transformer or motion module; with <see cref="GradientCheckpointing"/> as one
    /// <see cref="GradientCheckpoint"/>.</summary>
    public Tensor Layer(nn.Module layer, Func<Tensor, UNetPass, Tensor> forward, Tensor input)
    {
        if (!GradientCheckpointing || !is_grad_enabled())
        {
            return forward(input, this);
        }
        // Whatever else comes from outside and may need a gradient.
        bool usesTime = layer is ResnetBlock;
        bool usesTokens = layer is SpatialTransformer && AudioTokens is not null;
        Tensor[] inputs =
            usesTime ? [input, TimeEmbedding]
            : usesTokens ? [input, AudioTokens!]
            : [input];
        return GradientCheckpoint.Run(
            inputs,
            layer,
            (given, isRepetition) =>
            {
                UNetPass pass =
                    usesTime ? this with { TimeEmbedding = given[1] }
                    : usesTokens ? this with { AudioTokens = given[1] }
                    : this;
                pass = isRepetition ? pass with { Observer = null, CancellationToken = default } : pass;
                return forward(given[0], pass);
            }
        );
    }

    /// <summary>Shows (b·f, h, w, C) as (b, C, f, h, w).</summary>
    public void Observe(string module, Tensor hidden)
    {
        if (Observer is null)
        {
            return;
        }
        using Tensor video = hidden.ToVideo(Frames);
        Observer(module, video);
    }

    /// <summary>Shows a tensor as it is.</summary>
    public void ObserveAsIs(string module, Tensor output) => Observer?.Invoke(module, output);
}
