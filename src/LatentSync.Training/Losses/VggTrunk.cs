using LatentSync.Models.Layers;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Training.Losses;

/// <summary>The convolutions of VGG-16 in five stages; state dictionary with torchvision's names, "features.N.weight".</summary>
/// <remarks>Very Deep Convolutional Networks, arXiv:1409.1556, configuration D.</remarks>
internal sealed class VggTrunk : nn.Module
{
    /// <summary>Channels after each stage.</summary>
    public static readonly long[] StageChannels = [64, 128, 256, 512, 512];

    /// <summary>The sides are halved, rounded down, between the stages, and something must be left.</summary>
    public const long MinimumSide = 16;

    private static readonly int[] ConvolutionsPerStage = [2, 2, 3, 3, 3];

    [ComponentName(Name = "features")]
    private readonly Features _features;

    public VggTrunk(ScalarType dtype, Device device)
        : base(nameof(VggTrunk))
    {
        _features = new Features(dtype, device);
        RegisterComponents();
    }

    /// <summary>The activations after the last ReLU of a stage: (n, C, h, w) to (n, C', h', w'), half the size from the second stage
    /// on.</summary>
    public Tensor ForwardStage(int stage, Tensor input) => _features.ForwardStage(stage, input);

    private sealed class Features : nn.Module
    {
        private readonly Conv2dLayer[][] _stages;

        public Features(ScalarType dtype, Device device)
            : base(nameof(Features))
        {
            (int index, long channels) = (0, 3);
            List<Conv2dLayer[]> stages = [];
            for (int stage = 0; stage < StageChannels.Length; stage++)
            {
                List<Conv2dLayer> convolutions = [];
                for (int i = 0; i < ConvolutionsPerStage[stage]; i++)
                {
                    Conv2dLayer convolution = new(channels, StageChannels[stage], 3, dtype, device, padding: 1);
                    register_module($"{index}", convolution);
                    convolutions.Add(convolution);
                    channels = StageChannels[stage];
                    index += 2; // a ReLU has a number too
                }
                stages.Add([.. convolutions]);
                index++; // and a pooling
            }
            _stages = [.. stages];
        }

        public Tensor ForwardStage(int stage, Tensor input)
        {
            Tensor hidden = stage == 0 ? input.alias() : nn.functional.max_pool2d(input, 2);
            foreach (Conv2dLayer convolution in _stages[stage])
            {
                hidden = hidden.Then(convolution).ThenActivate(ActivationKind.Relu); // (n, C', h', w')
            }
            return hidden;
        }
    }
}
