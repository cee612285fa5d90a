using LatentSync.Models.Tests.Loading;
using LatentSync.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.UNets;

public sealed class UNet3DConditionModelTests
{
    [Theory]
    [InlineData("unet_motion", "main", "main")]
    [InlineData("unet_motion", "per_item_timestep", "main")]
    [InlineData("unet_plain", "frames4", "frames4")]
    [InlineData("unet_plain", "frame1", "frame1")]
    [InlineData("unet_plain", "odd_size", "odd_size")]
    public void Forward_GoldenInput_MatchesTheOriginal(string fixture, string output, string input)
    {
        using GoldenFixture golden = new(fixture);
        using UNet3DConditionModel network = UNetFixtures.Load(golden);
        using IDisposable noGrad = no_grad();
        using Tensor sample = golden.Read($"{input}.sample");
        using Tensor timestep = golden.Read($"{output}.timestep");
        using Tensor tokens = golden.Read($"{input}.encoder_hidden_states");
        using Tensor noise = network.forward(sample, timestep, tokens);
        TensorAssert.Close(noise, golden.Read($"{output}.output"), 1e-4, 1e-4);
        using Tensor folded = tokens.flatten(0, 1);
        using Tensor same = network.forward(sample, timestep, folded);
        Assert.True(UNetFixtures.Same(same, noise), "tokens (b·f, S, X) must give what (b, f, S, X) gives");
    }

    [Theory]
    [InlineData(ScalarType.Float16, 2e-2)]
    [InlineData(ScalarType.BFloat16, 5e-2)]
    public void Forward_HalfPrecision_StaysNearTheOriginal(ScalarType dtype, double bound)
    {
        using GoldenFixture golden = new("unet_motion");
        using UNet3DConditionModel network = UNetFixtures.Load(golden);
        network.to(dtype);
        Assert.Equal(dtype, network.Dtype);
        using IDisposable noGrad = no_grad();
        using Tensor sample = golden.Read("main.sample");
        using Tensor timestep = golden.Read("main.timestep");
        using Tensor tokens = golden.Read("main.encoder_hidden_states");
        using Tensor noise = network.forward(sample, timestep, tokens);
        using Tensor expected = golden.Read("main.output");
        Assert.Equal(dtype, noise.dtype);
        Assert.InRange(TensorAssert.RelativeError(noise, expected), 1e-5, bound);
    }

    [Theory]
    [InlineData("unet_stage2_keys.tsv", 1246, 1_267_099_844)]
    [InlineData("unet_stage1_keys.tsv", 686, 849_962_244)]
    [InlineData("unet_stage2_efficient_keys.tsv", 1022, 1_100_244_804)]
    public void StateDict_ReleasedConfigurations_HasTheOriginalsKeysAndShapes(string file, int count, long elements)
    {
        UNet3DConfiguration configuration = file switch
        {
            "unet_stage2_keys.tsv" => UNet3DConfiguration.LatentSync15(),
            "unet_stage1_keys.tsv" => UNet3DConfiguration.Stage1(),
            _ => UNet3DConfiguration.Stage2Efficient(),
        };
        using UNet3DConditionModel network = UNet3DConditionModel.Create(configuration, ScalarType.Float32, META);
        Dictionary<string, Tensor> state = network.state_dict();
        string[] actual = [.. state.Select(e => $"{e.Key}\t{string.Join("x", e.Value.shape)}").Order(StringComparer.Ordinal)];
        string[] expected = [.. ReadKeys(file).Order(StringComparer.Ordinal)];
        Assert.Equal(count, expected.Length);
        Assert.Equal(expected, actual);
        Assert.Equal(elements, network.parameters().Sum(p => p.numel()));
    }

    [Theory]
    [InlineData("conv_in")]
    [InlineData("down_blocks.0.resnets.0")]
    [InlineData("down_blocks.0.attentions.0")]
    [InlineData("mid_block")]
    [InlineData("up_blocks.1.motion_modules.0")]
    public void Forward_CancelledInside_StopsBeforeTheNextLayerAndKeepsNoTensor(string last)
    {
        using UNet3DConditionModel network = UNetFixtures.Random(UNetFixtures.Small);
        using IDisposable noGrad = no_grad();
        using Tensor sample = UNetFixtures.Noise(1, 1, 5, 3, 8, 8);
        using Tensor tokens = UNetFixtures.Noise(2, 1, 3, 7, 12);
        using Tensor timestep = tensor(301L);
        using DeepCacheState cache = new();
        using CancellationTokenSource source = new();
        List<string> seen = [];
        UNetForwardOptions options = new()
        {
            DeepCache = cache,
            CancellationToken = source.Token,
            Observer = (name, _) => Cancel(name),
        };
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Assert.Throws<OperationCanceledException>(() => network.forward(sample, timestep, tokens, options));
        cache.Reset();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.DoesNotContain("conv_out", seen);
        Assert.Single(seen.SkipWhile(name => name != last), name => name == last);
        Assert.DoesNotContain(seen.SkipWhile(name => name != last).Skip(1), name => name.Contains(".resnets.", StringComparison.Ordinal));

        void Cancel(string name)
        {
            seen.Add(name);
            if (name == last)
            {
                source.Cancel();
            }
        }
    }

    [Fact]
    public void CountParameterBytes_ReleasedConfiguration_IsThatOfItsTensorsWithoutTakingMemory()
    {
        // 1 267 099 844 parameters and the position tables.
        long single = UNet3DConditionModel.CountParameterBytes(UNet3DConfiguration.LatentSync15(), ScalarType.Float32);
        long half = UNet3DConditionModel.CountParameterBytes(UNet3DConfiguration.LatentSync15(), ScalarType.Float16);
        Assert.InRange(single, 4 * 1_267_099_844L, 4 * 1_270_000_000L);
        Assert.Equal(single, 2 * half);
        using UNet3DConditionModel small = UNetFixtures.Random(UNetFixtures.Small);
        long expected = small.state_dict().Values.Sum(value => value.bytes.Length);
        Assert.Equal(expected, UNet3DConditionModel.CountParameterBytes(UNetFixtures.Small, ScalarType.Float32));
    }

    [Fact]
    public void Forward_ZeroContextItems_EqualsZeroTokens()
    {
        using UNet3DConditionModel network = UNetFixtures.Random(UNetFixtures.Small);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor half = UNetFixtures.Noise(1, 1, 5, 3, 8, 8);
        Tensor sample = cat([half, half]);
        Tensor tokens = UNetFixtures.Noise(2, 1, 3, 7, 12);
        Tensor timestep = tensor(301L);
        Tensor full = network.forward(sample, timestep, cat([zeros_like(tokens), tokens]));
        Tensor skipped = network.forward(sample, timestep, tokens, new UNetForwardOptions { ZeroContextItems = 1 });
        Assert.True(TensorAssert.RelativeError(skipped, full) < 1e-6);
        Tensor silent = network.forward(sample, timestep, null, new UNetForwardOptions { ZeroContextItems = 2 });
        Tensor zeros = network.forward(sample, timestep, zeros_like(cat([tokens, tokens])));
        Assert.True(TensorAssert.RelativeError(silent, zeros) < 1e-6);
        Tensor without = network.forward(sample, timestep, null);
        Assert.True(TensorAssert.RelativeError(without, zeros) > 1e-3, "leaving the audio attention out is another thing than zero tokens");
    }

    [Fact]
    public void Forward_ChunksSideBySide_EqualChunksAlone()
    {
        using UNet3DConditionModel network = UNetFixtures.Random(UNetFixtures.Small);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor sample = UNetFixtures.Noise(3, 2, 5, 4, 6, 10);
        Tensor tokens = UNetFixtures.Noise(4, 2, 4, 5, 12);
        Tensor timesteps = tensor(new long[] { 981, 21 });
        Tensor both = network.forward(sample, timesteps, tokens);
        for (int item = 0; item < 2; item++)
        {
            Tensor alone = network.forward(sample.narrow(0, item, 1), timesteps.narrow(0, item, 1), tokens.narrow(0, item, 1));
            Assert.True(TensorAssert.RelativeError(alone, both.narrow(0, item, 1)) < 1e-5);
        }
    }

    [Fact]
    public void Forward_OnceMore_LeavesNoTensorsBehind()
    {
        using UNet3DConditionModel network = UNetFixtures.Random(UNetFixtures.Small);
        using IDisposable noGrad = no_grad();
        using Tensor sample = UNetFixtures.Noise(5, 2, 5, 3, 8, 8);
        using Tensor tokens = UNetFixtures.Noise(6, 1, 3, 4, 12);
        using Tensor timestep = tensor(5L);
        using DeepCacheState cache = new(interval: 2);
        UNetForwardOptions options = new() { ZeroContextItems = 1, DeepCache = cache };
        for (int i = 0; i < 2; i++)
        {
            network.forward(sample, timestep, tokens, options).Dispose(); // the cache holds one tensor from here on
        }
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (int i = 0; i < 4; i++)
        {
            network.forward(sample, timestep, tokens, options).Dispose();
        }
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.Throws<UNetInputException>(() => network.forward(sample, timestep, sample));
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Forward_DeepCache_EqualsRecomputationFromTheRememberedLayer()
    {
        using GoldenFixture golden = new("unet_motion");
        using UNet3DConditionModel network = UNetFixtures.Load(golden);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor tokens = golden.Read("main.encoder_hidden_states");
        Tensor[] samples =
        [
            golden.Read("main.sample"),
            UNetFixtures.Noise(8, 2, 13, 4, 16, 16),
            UNetFixtures.Noise(9, 2, 13, 4, 16, 16),
            UNetFixtures.Noise(10, 2, 13, 4, 16, 16),
        ];
        long[] steps = [951, 901, 851, 801];
        using DeepCacheState cache = new(interval: 3);
        using DeepCacheState oracle = new(interval: 1000);
        for (int i = 0; i < 4; i++)
        {
            Assert.Equal(i % 3 == 0, cache.NextPassIsFull);
            List<string> modules = [];
            UNetForwardOptions options = new() { DeepCache = cache, Observer = (name, _) => modules.Add(name) };
            Tensor cached = network.forward(samples[i], tensor(steps[i]), tokens, options);
            if (i % 3 == 0)
            {
                Assert.Contains("mid_block", modules);
                Tensor full = network.forward(samples[i], tensor(steps[i]), tokens);
                Assert.True(UNetFixtures.Same(full, cached));
                continue;
            }
            // A cheap pass: only the last layer of the last block, conv_in and the output run.
            Assert.DoesNotContain("mid_block", modules);
            Assert.Equal(["up_blocks.3.resnets.1"], modules.Where(m => m.EndsWith("resnets.1", StringComparison.Ordinal)));
            Assert.DoesNotContain("up_blocks.3.resnets.0", modules);
            // The oracle fills its cache at this pair's full step, then takes the same cheap step.
            oracle.Reset();
            network.forward(samples[0], tensor(steps[0]), tokens, new UNetForwardOptions { DeepCache = oracle });
            Tensor again = network.forward(samples[i], tensor(steps[i]), tokens, new UNetForwardOptions { DeepCache = oracle });
            Assert.True(UNetFixtures.Same(again, cached));
            Tensor exact = network.forward(samples[i], tensor(steps[i]), tokens);
            Assert.InRange(TensorAssert.RelativeError(cached, exact), 1e-4, 2);
        }
    }

    [Fact]
    public void Forward_DeepCacheAtTheSameInput_EqualsTheFullPass()
    {
        // With an unchanged input the remembered features are what a full pass would compute.
        using UNet3DConditionModel network = UNetFixtures.Random(UNetFixtures.Small);
        using IDisposable noGrad = no_grad();
        using Tensor sample = UNetFixtures.Noise(5, 1, 5, 3, 8, 8);
        using Tensor tokens = UNetFixtures.Noise(6, 1, 3, 4, 12);
        using Tensor timestep = tensor(500L);
        using DeepCacheState cache = new(interval: 3);
        UNetForwardOptions options = new() { DeepCache = cache };
        using Tensor full = network.forward(sample, timestep, tokens, options);
        using Tensor cheap = network.forward(sample, timestep, tokens, options);
        Assert.True(UNetFixtures.Same(cheap, full));
        using Tensor otherShape = UNetFixtures.Noise(5, 1, 5, 2, 8, 8);
        using Tensor otherTokens = UNetFixtures.Noise(6, 1, 2, 4, 12);
        UNetInputException mistake = Assert.Throws<UNetInputException>(() => network.forward(otherShape, timestep, otherTokens, options));
        Assert.Contains("reset it when another chunk begins", mistake.Message, StringComparison.Ordinal);
        cache.Reset();
        using Tensor next = network.forward(otherShape, timestep, otherTokens, options);
        Assert.Equal([1, 2, 2, 8, 8], next.shape);
    }

    [Fact]
    public void Forward_WrongShapes_NamesTheArgumentAndTheRequirement()
    {
        using UNet3DConditionModel network = UNetFixtures.Random(UNetFixtures.Small);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor sample = zeros([2, 5, 3, 8, 8]);
        Tensor tokens = zeros(2, 3, 4, 12);
        Tensor step = tensor(1L);
        Expect("sample", "(b, 5, f, h, w)", () => network.forward(zeros([2, 13, 3, 8, 8]), step, tokens));
        Expect("sample", "(b, 5, f, h, w)", () => network.forward(zeros([2, 5, 8, 8]), step, tokens));
        Expect("sample", "(b, 5, f, h, w)", () => network.forward(zeros([2, 5, 0, 8, 8]), step, tokens));
        Expect("sample", "at most 6 frames", () => network.forward(zeros([1, 5, 7, 8, 8]), step, zeros(1, 7, 4, 12)));
        Expect("encoderHiddenStates", "(2, 3, S, 12)", () => network.forward(sample, step, zeros(2, 3, 4, 13)));
        Expect("encoderHiddenStates", "(6, S, 12)", () => network.forward(sample, step, zeros(5, 4, 12)));
        Expect("timesteps", "(2)", () => network.forward(sample, zeros(3), tokens));
        Expect(
            "ZeroContextItems",
            "0 to the batch size 2",
            () => network.forward(sample, step, tokens, new UNetForwardOptions { ZeroContextItems = 3 })
        );

        static void Expect(string argument, string required, Func<object> call)
        {
            UNetInputException mistake = Assert.Throws<UNetInputException>(call);
            Assert.Equal(argument, mistake.Argument);
            Assert.Contains(required, mistake.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void InitializeForTraining_Seeded_IsRepeatableAndStartsAtZero()
    {
        using UNet3DConditionModel first = UNet3DConditionModel.Create(UNetFixtures.Small, ScalarType.Float32, CPU);
        using UNet3DConditionModel second = UNet3DConditionModel.Create(UNetFixtures.Small, ScalarType.Float32, CPU);
        first.InitializeForTraining(3);
        second.InitializeForTraining(3);
        Dictionary<string, Tensor> state = second.state_dict();
        foreach ((string key, Tensor value) in first.state_dict())
        {
            Assert.True(UNetFixtures.Same(value, state[key]), key);
            bool startsAtZero =
                key.StartsWith("conv_in", StringComparison.Ordinal)
                || key.StartsWith("conv_out.", StringComparison.Ordinal)
                || key.Contains("temporal_transformer.proj_out", StringComparison.Ordinal)
                || key.Contains("norm", StringComparison.Ordinal) && key.EndsWith("bias", StringComparison.Ordinal);
            Assert.True(startsAtZero == (value.abs().sum().item<float>() == 0), key);
        }
        using IDisposable noGrad = no_grad();
        using Tensor sample = UNetFixtures.Noise(5, 1, 5, 3, 8, 8);
        using Tensor tokens = UNetFixtures.Noise(6, 1, 3, 4, 12);
        using Tensor noise = first.forward(sample, tensor(1L), tokens);
        Assert.Equal(0, noise.abs().max().item<float>());
    }

    [Fact]
    public void Forward_WithGradients_ReachesEveryParameterThatHasInfluence()
    {
        using UNet3DConditionModel network = UNetFixtures.Random(UNetFixtures.Small);
        using Tensor sample = UNetFixtures.Noise(5, 2, 5, 3, 8, 8);
        using Tensor tokens = UNetFixtures.Noise(6, 2, 3, 4, 12);
        using Tensor noise = network.forward(sample, tensor(400L), tokens);
        using Tensor loss = noise.pow(2).mean();
        loss.backward();
        foreach ((string name, TorchSharp.Modules.Parameter parameter) in network.named_parameters())
        {
            Tensor? gradient = parameter.grad;
            Assert.True(gradient is not null && gradient.isfinite().all().item<bool>() && gradient.abs().sum().item<float>() > 0, name);
        }
    }

    private static string[] ReadKeys(string file)
    {
        string path = Path.Combine(Testing.RepositoryRoot.Find(), "tests", "Data", "keys", file);
        return [.. File.ReadLines(path).Skip(1).Where(line => line.Length > 0)];
    }
}
