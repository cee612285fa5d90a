using LatentSync.Attention;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Workloads;
using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.UNets;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests;

/// <summary>The workloads of <c>attention verify</c> are the problems that the networks pose. UNet and autoencoder run in their published
/// form but narrower, which narrows the head dim by the same factor and changes nothing else (libtorch cannot convolve on its meta
/// device).</summary>
public sealed class WorkloadTests
{
    [Theory]
    [Trait("Category", "Exhaustive")]
    [InlineData(256)]
    [InlineData(512, Traits = ["Category", "Slow"])]
    public void DenoisingNetwork_OneGuidedStep_PosesTheWorkloadsProblems(int resolution)
    {
        const int Items = 2,
            Frames = 16,
            Narrower = 10;
        int side = resolution / 8;
        UNet3DConfiguration released = UNet3DConfiguration.LatentSync15();
        UNet3DConfiguration narrow = released with { BlockOutChannels = [.. released.BlockOutChannels.Select(width => width / Narrower)] };
        using var scope = NewDisposeScope();
        using UNet3DConditionModel network = UNet3DConditionModel.Create(narrow, ScalarType.Float32, CPU);
        Tensor sample = zeros([Items, 13, Frames, side, side]),
            tokens = zeros(1, Frames, 50, 384);
        UNetForwardOptions options = new() { ZeroContextItems = 1 };

        var posed = Record(() => network.forward(sample, tensor(7L), tokens, options), Narrower);

        Assert.Equal(72, posed.Values.Sum()); // 16 self, 16 cross, 40 temporal: the original's count
        AssertSame(resolution, "unet.", posed);
    }

    [Theory]
    [InlineData(256)]
    [InlineData(512, Traits = ["Category", "Slow"])]
    public void Autoencoder_OneChunk_PosesTheWorkloadsProblems(int resolution)
    {
        const int Narrower = 16,
            FramesPerCall = 4,
            Calls = 16 / FramesPerCall;
        AutoencoderConfiguration narrow = new()
        {
            BlockOutChannels = [128 / Narrower, 256 / Narrower, 512 / Narrower, 512 / Narrower],
            DownBlockHasAttention = [false, false, false, false],
            UpBlockHasAttention = [false, false, false, false],
            LayersPerBlock = 2,
            NormNumGroups = 4,
        };
        using var scope = NewDisposeScope();
        using AutoencoderKL autoencoder = AutoencoderKL.Create(narrow, ScalarType.Float32, CPU);
        Tensor pixels = zeros(FramesPerCall, 3, resolution, resolution),
            latents = zeros(FramesPerCall, 4, resolution / 8, resolution / 8);

        var encoded = Record(() => autoencoder.EncodeMoments(pixels), Narrower);
        var decoded = Record(() => autoencoder.Decode(latents), Narrower);

        // Masked and reference pictures are encoded, the result is decoded, each chunk of 16 frames in several calls.
        Assert.Equal(encoded, decoded);
        AssertSame(resolution, "vae.", encoded.ToDictionary(entry => entry.Key, entry => 3 * Calls * entry.Value));
    }

    [Fact]
    public void Whisper_OneSegment_PosesTheWorkloadsProblems()
    {
        using var scope = NewDisposeScope();
        WhisperConfiguration tiny = new()
        {
            MelBands = 80,
            AudioPositions = 1500,
            AudioWidth = 384,
            AudioHeads = 6,
            AudioLayers = 4,
        };
        using WhisperEncoder encoder = WhisperEncoder.Create(tiny, ScalarType.Float32, CPU);

        var posed = Record(() => encoder.CollectStates(zeros(80, 3000)), narrower: 1);

        AssertSame(256, "whisper.", posed);
        AssertSame(512, "whisper.", posed);
    }

    private static void AssertSame(int resolution, string prefix, Dictionary<AttentionProblem, int> posed)
    {
        WorkloadLayer[] expected =
        [
            .. WorkloadCatalog
                .Find($"latentsync-{resolution}")
                .Layers.Where(layer => layer.Name.StartsWith(prefix, StringComparison.Ordinal)),
        ];
        Assert.NotEmpty(expected);
        Assert.Equal(
            expected
                .Select(layer => $"{layer.Repeats} x {layer.Problem.Describe()}, {layer.Problem.QueryLayout}")
                .Order(StringComparer.Ordinal),
            posed.Select(entry => $"{entry.Value} x {entry.Key.Describe()}, {entry.Key.QueryLayout}").Order(StringComparer.Ordinal)
        );
        Assert.Equal(expected.ToDictionary(layer => layer.Problem, layer => layer.Repeats), posed);
    }

    /// <summary>The problems that are posed meanwhile, with the head dims of the full width, and how often.</summary>
    private static Dictionary<AttentionProblem, int> Record(Action run, int narrower)
    {
        RecordingBackend recorder = new(narrower);
        AttentionDispatcherOptions options = new() { Policy = Policy.Require(recorder.Name), Backends = [recorder] };
        using IDisposable use = AttentionDispatcher.Use(new AttentionDispatcher(options));
        using IDisposable noGrad = no_grad();
        run();
        return recorder.Problems;
    }

    /// <summary>Writes down what it is asked and answers with zeros.</summary>
    private sealed class RecordingBackend(int narrower) : IAttentionBackend
    {
        public Dictionary<AttentionProblem, int> Problems { get; } = [];

        public string Name => AttentionBackendNames.Sliced;

        public AttentionResult Run(in AttentionProblem problem, AttentionInputs inputs)
        {
            AttentionProblem full = problem with { HeadDim = problem.HeadDim * narrower, ValueDim = problem.ValueDim * narrower };
            Problems[full] = Problems.GetValueOrDefault(full) + 1;
            return zeros(problem.Batch, problem.HeadCount, problem.QueryLength, problem.ValueDim);
        }
    }
}
