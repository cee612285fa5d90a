using LatentSync.Chunks;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.Loading;
using LatentSync.Models.Schedulers;
using LatentSync.Models.UNets;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Tests.Chunks;

public sealed class ChunkGeneratorTests : IDisposable
{
    private readonly UNet3DConditionModel _network = Network();
    private readonly AutoencoderKL _autoencoder = Autoencoder();

    public void Dispose()
    {
        _network.Dispose();
        _autoencoder.Dispose();
    }

    [Fact]
    public void Generate_MaskOfOnes_GivesTheFacesBack()
    {
        using DisposeScope scope = NewDisposeScope();
        ChunkInput input = Input(frames: 3);
        using SeededLatentNoise noise = new(1);
        using ChunkResult kept = Generator(new ChunkGeneratorOptions { InferenceSteps = 2 })
            .Generate(input with { Mask = ones(1, 16, 16) }, noise);
        Assert.Equal([3, 3, 16, 16], kept.Composites.shape);
        Assert.Equal([1, 4, 3, 8, 8], kept.Latents.shape);
        Assert.Equal(ScalarType.Float32, kept.Composites.dtype);
        Assert.Equal(0, Difference(kept.Composites, input.Faces));
        using ChunkResult generated = Generator(new ChunkGeneratorOptions { InferenceSteps = 2 }).Generate(input, noise);
        Assert.Equal(0, Difference(generated.Composites.narrow(2, 0, 8), input.Faces.narrow(2, 0, 8))); // the upper half is kept
        Assert.True(Difference(generated.Composites.narrow(2, 8, 8), input.Faces.narrow(2, 8, 8)) > 0.01);
    }

    [Fact]
    public void Generate_SlicesOfTheAutoencoder_ChangeNothing()
    {
        using DisposeScope scope = NewDisposeScope();
        ChunkInput input = Input(frames: 5);
        Tensor[] results =
        [
            .. new[] { 1, 2, 5, 100 }.Select(frames =>
            {
                using SeededLatentNoise noise = new(7);
                return Generator(new ChunkGeneratorOptions { InferenceSteps = 2, AutoencoderFramesPerCall = frames })
                    .Generate(input, noise)
                    .Composites;
            }),
        ];
        Assert.All(results.Skip(1), result => Assert.InRange(Difference(result, results[0]), 0, 1e-4));
    }

    [Fact]
    public void Generate_Guidance_IsTheLinearCombinationOfBothPredictions()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        ChunkInput input = Input(frames: 2);
        Dictionary<string, Tensor> seen = [];
        using ChunkResult result = Generator(new ChunkGeneratorOptions { InferenceSteps = 1, GuidanceScale = 2.5 })
            .Generate(input, noise: null, observer: (name, value) => seen[name] = value.clone().MoveToOtherDisposeScope(scope));
        Tensor start = input.StartNoise.expand(-1, -1, 2, -1, -1);
        Tensor sample = cat(
            [start, seen["mask_latents"].expand(-1, -1, 2, -1, -1), seen["masked_image_latents"], seen["reference_latents"]],
            1
        );
        Tensor tokens = input.AudioTokens.unsqueeze(0);
        DdimScheduler scheduler = new();
        int timestep = scheduler.Timesteps(1)[0];
        Tensor silent = _network.forward(sample, tensor((long)timestep), zeros_like(tokens));
        Tensor speaking = _network.forward(sample, tensor((long)timestep), tokens);
        using DdimStep step = scheduler.Step(silent + 2.5 * (speaking - silent), timestep, start, 1);
        Assert.InRange(Difference(result.Latents, step.Previous), 0, 2e-4);
        Assert.InRange(Difference(result.Latents, seen["latents"]), 0, 0);
    }

    [Fact]
    public void Generate_DeepCache_EqualsItsIntervalOneNeighbourAtFirstAndDiffersLater()
    {
        using DisposeScope scope = NewDisposeScope();
        ChunkInput input = Input(frames: 2);
        List<Tensor> exact = Trace(new ChunkGeneratorOptions { InferenceSteps = 4, GuidanceScale = 1 }, input);
        List<Tensor> cached = Trace(
            new ChunkGeneratorOptions
            {
                InferenceSteps = 4,
                GuidanceScale = 1,
                DeepCacheInterval = 3,
            },
            input
        );
        Assert.Equal(0, Difference(exact[0], cached[0]));
        Assert.True(Difference(exact[1], cached[1]) > 0);
    }

    [Fact]
    public void Generate_Progress_ReportsEveryStepInOrder()
    {
        Recorder progress = new();
        using ChunkInputScope input = new(Input(frames: 2));
        using ChunkResult result = Generator(new ChunkGeneratorOptions { InferenceSteps = 3 }).Generate(input.Value, null, progress);
        Assert.Equal([new ChunkStep(1, 3, 667), new ChunkStep(2, 3, 334), new ChunkStep(3, 3, 1)], progress.Steps);
    }

    [Fact]
    public void Generate_Cancelled_StopsAtTheNextStep()
    {
        using CancellationTokenSource source = new();
        Recorder progress = new(step =>
        {
            if (step.Number == 2)
            {
                source.Cancel();
            }
        });
        using ChunkInputScope input = new(Input(frames: 2));
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Assert.ThrowsAny<OperationCanceledException>(() =>
            Generator(new ChunkGeneratorOptions { InferenceSteps = 5 })
                .Generate(input.Value, null, progress, cancellationToken: source.Token)
        );
        Assert.Equal(2, progress.Steps.Count);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Generate_OnceMore_LeavesNoTensorsBehind()
    {
        using ChunkInputScope input = new(Input(frames: 3));
        ChunkGenerator generator = Generator(
            new ChunkGeneratorOptions
            {
                InferenceSteps = 4,
                DeepCacheInterval = 2,
                AutoencoderFramesPerCall = 2,
            }
        );
        using SeededLatentNoise noise = new(4);
        generator.Generate(input.Value, noise).Dispose();
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        generator.Generate(input.Value, noise).Dispose();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Generate_NetworkOverflows_NamesTheStepAndTheRemedy()
    {
        using (no_grad())
        {
            Parameter bias = _network.named_parameters().Single(p => p.name == "conv_out.bias").parameter;
            bias.fill_(double.PositiveInfinity);
        }
        using ChunkInputScope input = new(Input(frames: 1));
        NonFiniteResultException error = Assert.Throws<NonFiniteResultException>(() =>
            Generator(new ChunkGeneratorOptions { InferenceSteps = 4 }).Generate(input.Value, null)
        );
        Assert.Equal((1, 4, 751), (error.StepNumber, error.TotalSteps, error.Timestep));
        Assert.Contains("denoising, step 1 of 4 (timestep 751) with float32", error.Message, StringComparison.Ordinal);
        Assert.Contains(
            "use DType f32 or bf16",
            new NonFiniteResultException("denoising", 3, 20, 851, "float16").Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Generate_WrongShapes_NamesTheArgument()
    {
        using DisposeScope scope = NewDisposeScope();
        ChunkInput good = Input(frames: 2);
        ChunkGenerator generator = Generator(new ChunkGeneratorOptions());
        Expect("Faces", "at most 6 frames", Input(frames: 7));
        Expect("Faces", "multiple of 2", good with { Faces = zeros(2, 3, 15, 15) });
        Expect("Mask", "(1, 16, 16)", good with { Mask = ones(16, 16) });
        Expect("AudioTokens", "(2, S, 12)", good with { AudioTokens = zeros(3, 5, 12) });
        Expect("StartNoise", "(1, 4, 1, 8, 8)", good with { StartNoise = zeros([1, 4, 2, 8, 8]) });

        void Expect(string argument, string required, ChunkInput input)
        {
            UNetInputException error = Assert.Throws<UNetInputException>(() => generator.Generate(input, null));
            Assert.Equal(argument, error.Argument);
            Assert.Contains(required, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Constructor_ImpossibleOptions_AreRefusedBeforeAnyWork()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Generator(new ChunkGeneratorOptions { InferenceSteps = 1000 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Generator(new ChunkGeneratorOptions { InferenceSteps = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Generator(new ChunkGeneratorOptions { AutoencoderFramesPerCall = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Generator(new ChunkGeneratorOptions { DeepCacheInterval = 1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Generator(new ChunkGeneratorOptions { GuidanceScale = double.NaN }));
        using UNet3DConditionModel other = UNet3DConditionModel.Create(
            NetworkConfiguration with
            {
                InChannels = 9,
            },
            ScalarType.Float32,
            META
        );
        ModelConfigurationException error = Assert.Throws<ModelConfigurationException>(() =>
            new ChunkGenerator(other, _autoencoder, new ChunkGeneratorOptions())
        );
        Assert.Contains("takes 9 channels", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SeededLatentNoise_Chunks_AreRepeatableAndIndependent()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor Draw(long seed, int chunk)
        {
            using SeededLatentNoise noise = SeededLatentNoise.ForChunk(seed, chunk);
            return noise.Draw(LatentNoisePurpose.MaskedLatents, [4, 4, 32, 32]);
        }
        Assert.Equal(0, Difference(Draw(1247, 3), Draw(1247, 3)));
        Tensor first = Draw(1247, 0);
        Tensor second = Draw(1247, 1);
        Tensor otherSeed = Draw(1248, 0);
        foreach (Tensor other in new[] { second, otherSeed })
        {
            double correlation = ((first - first.mean()) * (other - other.mean())).mean().item<float>();
            Assert.InRange(correlation, -0.05, 0.05);
        }
        Assert.InRange(first.std().item<float>(), 0.97, 1.03);
    }

    private static UNet3DConfiguration NetworkConfiguration { get; } =
        new()
        {
            InChannels = 13,
            OutChannels = 4,
            BlockOutChannels = [32, 32],
            LayersPerBlock = 1,
            DownBlockHasAttention = [true, false],
            UpBlockHasAttention = [false, true],
            HeadCounts = [4, 4],
            CrossAttentionDim = 12,
            NormNumGroups = 8,
            AddAudioLayer = true,
            UseMotionModule = true,
            MotionModule = new MotionModuleConfiguration
            {
                HeadCount = 4,
                BlockCount = 1,
                PositionEncoding = true,
                MaximumFrames = 6,
            },
        };

    private ChunkGenerator Generator(ChunkGeneratorOptions options) => new(_network, _autoencoder, options);

    private List<Tensor> Trace(ChunkGeneratorOptions options, ChunkInput input)
    {
        List<Tensor> latents = [];
        Generator(options)
            .Generate(
                input,
                null,
                observer: (name, value) =>
                {
                    if (name == "latents")
                    {
                        latents.Add(value.clone().DetachFromDisposeScope());
                    }
                }
            )
            .Dispose();
        return latents;
    }

    private static UNet3DConditionModel Network()
    {
        UNet3DConditionModel network = UNet3DConditionModel.Create(NetworkConfiguration, ScalarType.Float32, CPU);
        network.InitializeForTraining(11);
        using IDisposable noGrad = no_grad();
        using Generator generator = new(5);
        foreach ((string name, Parameter parameter) in network.named_parameters())
        {
            if (name.StartsWith("conv_", StringComparison.Ordinal) || name.Contains("proj_out", StringComparison.Ordinal))
            {
                parameter.normal_(0, 0.05, generator);
            }
        }
        return network;
    }

    private static AutoencoderKL Autoencoder()
    {
        AutoencoderConfiguration configuration = new()
        {
            BlockOutChannels = [8, 16],
            DownBlockHasAttention = [false, false],
            UpBlockHasAttention = [false, false],
            NormNumGroups = 4,
        };
        AutoencoderKL autoencoder = AutoencoderKL.Create(configuration, ScalarType.Float32, CPU);
        autoencoder.InitializeForTraining(12);
        return autoencoder;
    }

    private static ChunkInput Input(int frames)
    {
        using Generator generator = new(21);
        Tensor mask = ones(1, 16, 16);
        mask.narrow(1, 8, 8).fill_(0);
        return new ChunkInput(
            rand([frames, 3, 16, 16], generator: generator) * 2 - 1,
            mask,
            randn([frames, 5, 12], generator: generator),
            randn([1, 4, 1, 8, 8], generator: generator)
        );
    }

    private static double Difference(Tensor left, Tensor right)
    {
        using DisposeScope scope = NewDisposeScope();
        return (left - right).abs().max().item<float>();
    }

    private sealed class ChunkInputScope(ChunkInput value) : IDisposable
    {
        public ChunkInput Value => value;

        public void Dispose()
        {
            value.Faces.Dispose();
            value.Mask.Dispose();
            value.AudioTokens.Dispose();
            value.StartNoise.Dispose();
        }
    }

    /// <summary>Calls back at once.</summary>
    private sealed class Recorder(Action<ChunkStep>? callback = null) : IProgress<ChunkStep>
    {
        public List<ChunkStep> Steps { get; } = [];

        public void Report(ChunkStep value)
        {
            Steps.Add(value);
            callback?.Invoke(value);
        }
    }
}
