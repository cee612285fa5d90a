using LatentSync.Models.Layers;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace LatentSync.Models.SyncNets;

/// <summary>
/// The SyncNet of Chung and Zisserman, the field's measure of lip-sync: five frames of a mouth and a fifth of a second of sound to
/// embeddings whose distance is small when they belong together. For evaluation only.
/// </summary>
/// <remarks>"Out of time: automated lip sync in the wild" (2016), the layers of syncnet_python's S. Batch norm and ReLU follow each
/// convolution.</remarks>
public sealed class SyncNetV2 : nn.Module
{
    /// <summary>Frames that are seen at once.</summary>
    public const int WindowFrames = 5;

    /// <summary>Rows of cepstral coefficients that are heard at once, 100 a second.</summary>
    public const int WindowRows = 20;

    /// <summary>Rows of cepstral coefficients a frame at 25 frames per second.</summary>
    public const int RowsPerFrame = 4;

    /// <summary>Side of the picture in pixels.</summary>
    public const int Side = 224;

    /// <summary>Length of the embeddings.</summary>
    public const int EmbeddingSize = 1024;

    private const int Features = 512;

    [ComponentName(Name = "netcnnaud")]
    private readonly Sequential _soundConvolutions;

    [ComponentName(Name = "netfcaud")]
    private readonly Sequential _soundLayers;

    [ComponentName(Name = "netfclip")]
    private readonly Sequential _lipLayers;

    [ComponentName(Name = "netcnnlip")]
    private readonly Sequential _lipConvolutions;

    /// <summary>Makes a network with PyTorch's default weights; <see cref="SyncNetV2Checkpoint"/> gives it the published ones.</summary>
    public SyncNetV2()
        : base(nameof(SyncNetV2))
    {
        _soundConvolutions = SoundConvolutions();
        _soundLayers = FinalLayers();
        _lipLayers = FinalLayers();
        _lipConvolutions = LipConvolutions();
        RegisterComponents();
        eval();
    }

    /// <summary>Where the parameters live.</summary>
    public Device Device => _soundLayers.parameters().First().device;

    /// <summary>What lips say.</summary>
    /// <param name="frames">(B, 3, 5, 224, 224): blue, green, red, 0..255. Not modified.</param>
    /// <returns>(B, 1024).</returns>
    public Tensor EmbedLips(Tensor frames) =>
        _lipConvolutions
            .call(frames) // (B, 512, 1, 1, 1)
            .Then(x => x.flatten(1))
            .Then(_lipLayers);

    /// <summary>What sound says.</summary>
    /// <param name="coefficients">(B, 1, 13, 20): cepstral coefficients, time last. Not modified.</param>
    /// <returns>(B, 1024).</returns>
    public Tensor EmbedSound(Tensor coefficients) =>
        _soundConvolutions
            .call(coefficients) // (B, 512, 1, 1)
            .Then(x => x.flatten(1))
            .Then(_soundLayers);

    private static Sequential SoundConvolutions()
    {
        Stack stack = new();
        Convolve(1, 64, (3, 3), (1, 1));
        stack.Add(nn.MaxPool2d((1, 1), (1, 1))); // 13 x 20
        Convolve(64, 192, (3, 3), (1, 1));
        stack.Add(nn.MaxPool2d((3, 3), (1, 2))); // 11 x 9
        Convolve(192, 384, (3, 3), (1, 1));
        Convolve(384, 256, (3, 3), (1, 1));
        Convolve(256, 256, (3, 3), (1, 1));
        stack.Add(nn.MaxPool2d((3, 3), (2, 2))); // 5 x 4
        Convolve(256, Features, (5, 4), (0, 0)); // 1 x 1
        return stack.ToSequential();

        void Convolve(long from, long to, (long, long) kernel, (long, long) padding)
        {
            stack.Add(nn.Conv2d(from, to, kernel, padding: padding));
            stack.Add(nn.BatchNorm2d(to));
            stack.Add(nn.ReLU());
        }
    }

    private static Sequential LipConvolutions()
    {
        Stack stack = new();
        Convolve(3, 96, (5, 7, 7), (1, 2, 2), (0, 0, 0));
        stack.Add(nn.MaxPool3d((1, 3, 3), (1, 2, 2))); // 54 x 54
        Convolve(96, 256, (1, 5, 5), (1, 2, 2), (0, 1, 1));
        stack.Add(nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))); // 13 x 13
        Convolve(256, 256, (1, 3, 3), (1, 1, 1), (0, 1, 1));
        Convolve(256, 256, (1, 3, 3), (1, 1, 1), (0, 1, 1));
        Convolve(256, 256, (1, 3, 3), (1, 1, 1), (0, 1, 1));
        stack.Add(nn.MaxPool3d((1, 3, 3), (1, 2, 2))); // 6 x 6
        Convolve(256, Features, (1, 6, 6), (1, 1, 1), (0, 0, 0)); // 1 x 1
        return stack.ToSequential();

        void Convolve(long from, long to, (long, long, long) kernel, (long, long, long) stride, (long, long, long) padding)
        {
            stack.Add(nn.Conv3d(from, to, kernel, stride, padding));
            stack.Add(nn.BatchNorm3d(to));
            stack.Add(nn.ReLU());
        }
    }

    private static Sequential FinalLayers()
    {
        Stack stack = new();
        stack.Add(nn.Linear(Features, Features));
        stack.Add(nn.BatchNorm1d(Features));
        stack.Add(nn.ReLU());
        stack.Add(nn.Linear(Features, EmbeddingSize));
        return stack.ToSequential();
    }

    // Layers that the file names by their place: "0", "1", ...
    private sealed class Stack
    {
        private readonly List<(string, nn.Module<Tensor, Tensor>)> _layers = [];

        public void Add(nn.Module<Tensor, Tensor> layer) =>
            _layers.Add((_layers.Count.ToString(System.Globalization.CultureInfo.InvariantCulture), layer));

        public Sequential ToSequential() => nn.Sequential(_layers);
    }
}
