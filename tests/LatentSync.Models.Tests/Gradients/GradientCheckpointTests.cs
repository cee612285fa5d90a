using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.Layers;
using LatentSync.Models.Tests.Autoencoders;
using LatentSync.Models.Tests.Loading;
using LatentSync.Models.Tests.UNets;
using LatentSync.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.Gradients;

public sealed class GradientCheckpointTests
{
    public static TheoryData<string> Backends => TrainingBackends.Names;

    [Theory]
    [MemberData(nameof(Backends))]
    public void Backward_UNetWithCheckpoints_GivesTheSameGradients(string backend)
    {
        using IDisposable use = TrainingBackends.Use(backend);
        using UNet3DConditionModel network = UNetGradientTests.Double(UNetFixtures.Small);
        using DisposeScope scope = NewDisposeScope();
        Tensor sample = UNetGradientTests.Noise(1, 2, 5, 3, 4, 6).requires_grad_();
        Tensor tokens = UNetGradientTests.Noise(2, 2, 3, 7, 12).requires_grad_();
        Tensor timestep = tensor(301L);
        AssertSameGradients(
            network,
            [sample, tokens],
            on => network.GradientCheckpointing = on,
            () => network.forward(sample, timestep, tokens)
        );
    }

    [Fact]
    public void Backward_PartlyFrozenUNetWithCheckpoints_GivesTheSameGradients()
    {
        using UNet3DConditionModel network = UNetGradientTests.Double(UNetFixtures.Small);
        foreach ((string name, TorchSharp.Modules.Parameter parameter) in network.named_parameters())
        {
            parameter.requires_grad = name.Contains("motion_modules.", StringComparison.Ordinal);
        }
        using DisposeScope scope = NewDisposeScope();
        Tensor sample = UNetGradientTests.Noise(1, 2, 5, 3, 4, 6);
        Tensor timestep = tensor(301L);
        AssertSameGradients(network, [], on => network.GradientCheckpointing = on, () => network.forward(sample, timestep, null));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Backward_AutoencoderWithCheckpoints_GivesTheSameGradients(bool isFrozen)
    {
        using AutoencoderKL vae = AutoencoderKLTests.Seeded(AutoencoderGradientTests.Small, 1);
        vae.to(ScalarType.Float64);
        foreach (TorchSharp.Modules.Parameter parameter in vae.parameters())
        {
            parameter.requires_grad = !isFrozen;
        }
        using DisposeScope scope = NewDisposeScope();
        Tensor pixels = UNetGradientTests.Noise(1, 2, 3, 8, 6).requires_grad_();
        AssertSameGradients(vae, [pixels], on => vae.GradientCheckpointing = on, () => vae.Decode(vae.Encode(pixels).Mean));
    }

    [Fact]
    public void Run_TwiceUsedInputAndUnusedInput_GetTheirGradients()
    {
        using DisposeScope scope = NewDisposeScope();
        using Scale layer = new();
        Tensor x = UNetGradientTests.Noise(1, 5).requires_grad_();
        Tensor unused = UNetGradientTests.Noise(2, 5).requires_grad_();
        Tensor output = GradientCheckpoint.Run([x, x, unused], layer, (inputs, _) => layer.call(inputs[0]) * inputs[1]); // w x²
        output.sum().backward();
        Assert.True(TensorAssert.RelativeError(x.grad!, (x * layer.Weight * tensor(2.0)).detach()) < 1e-15);
        Assert.Equal((x * x).sum().item<double>(), layer.Weight.grad!.item<double>(), 12);
        Assert.True(unused.grad is null || unused.grad.abs().sum().item<double>() == 0);
    }

    [Theory]
    [InlineData("managed-flash")]
    [InlineData("sliced")]
    public void Run_AttentionThatNothingDependsOn_HasNoGradient(string backend)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable attention = AttentionDispatcher.Use(
            new AttentionDispatcher(new AttentionDispatcherOptions { Policy = Policy.Require(backend) })
        );
        using Scale layer = new();
        Tensor x = UNetGradientTests.Noise(1, 5).requires_grad_(),
            query = randn(1, 2, 4, 8).requires_grad_();
        Tensor unused = TorchAttention.ScaledDotProductAttention(query, query, query);
        Tensor output = GradientCheckpoint.Run([x, unused], layer, (inputs, _) => layer.call(inputs[0]));
        output.sum().backward();
        Assert.NotNull(x.grad);
        Assert.True(query.grad is null || query.grad.abs().sum().item<float>() == 0);
    }

    [Fact]
    public void Run_InsideAnother_GivesTheSameGradients()
    {
        using DisposeScope scope = NewDisposeScope();
        using Scale layer = new();
        Tensor x = UNetGradientTests.Noise(1, 5).requires_grad_();
        Tensor output = GradientCheckpoint.Run(
            [x],
            layer,
            (outer, _) =>
            {
                using Tensor inside = GradientCheckpoint.Run([outer[0]], layer, (inner, _) => layer.call(inner[0]));
                return layer.call(inside);
            }
        ); // w² x
        output.sum().backward();
        double weight = layer.Weight.item<double>();
        Assert.Equal(weight * weight, x.grad![0].item<double>(), 12);
        Assert.Equal(2 * weight * x.sum().item<double>(), layer.Weight.grad!.item<double>(), 12);
    }

    [Fact]
    public void Run_ForwardAndBackward_ComputesOnceEachWithoutAndWithRecording()
    {
        using DisposeScope scope = NewDisposeScope();
        using Scale layer = new();
        Tensor x = UNetGradientTests.Noise(1, 5).requires_grad_();
        List<(bool IsRepetition, bool Records)> calls = [];
        Tensor output = GradientCheckpoint.Run([x], layer, Observed);
        Assert.Equal([(false, false)], calls);
        output.sum().backward();
        Assert.Equal([(false, false), (true, true)], calls);
        Assert.Equal(x.sum().item<double>(), layer.Weight.grad!.item<double>(), 12);
        using (no_grad())
        {
            GradientCheckpoint.Run([x], layer, Observed);
        }
        Assert.Equal((false, false), calls[^1]);

        Tensor Observed(IReadOnlyList<Tensor> inputs, bool isRepetition)
        {
            calls.Add((isRepetition, is_grad_enabled()));
            return layer.call(inputs[0]);
        }
    }

    [Fact]
    public void Run_NothingNeedsAGradient_CallsDirectly()
    {
        using DisposeScope scope = NewDisposeScope();
        using Scale layer = new();
        layer.Weight.requires_grad = false;
        Tensor output = GradientCheckpoint.Run([UNetGradientTests.Noise(1, 5)], layer, (inputs, _) => layer.call(inputs[0]));
        Assert.False(output.requires_grad);
    }

    [Fact]
    public void Backward_UNetWithCheckpointsOnceMore_LeavesNoTensorsBehind()
    {
        using UNet3DConditionModel network = UNetFixtures.Random(UNetFixtures.Small);
        network.GradientCheckpointing = true;
        using Tensor sample = UNetFixtures.Noise(1, 2, 5, 3, 4, 6);
        using Tensor tokens = UNetFixtures.Noise(2, 2, 3, 7, 12);
        using Tensor timestep = tensor(301L);
        Step();
        Assert.Equal(0, LiveTensors.LeftBy(Step));

        void Step()
        {
            using DisposeScope scope = NewDisposeScope();
            network.forward(sample, timestep, tokens).sum().backward();
        }
    }

    /// <summary>What the backward pass of a whole network leaves to its caller's scope must not grow with the network.</summary>
    [Fact]
    public void Backward_UNetWithCheckpoints_LeavesTheCallersScopeFewTensors()
    {
        using UNet3DConditionModel network = UNetFixtures.Random(UNetFixtures.Small);
        network.GradientCheckpointing = true;
        using DisposeScope scope = NewDisposeScope();
        Tensor sample = UNetFixtures.Noise(1, 2, 5, 3, 4, 6);
        Tensor tokens = UNetFixtures.Noise(2, 2, 3, 7, 12);
        Tensor loss = network.forward(sample, tensor(301L), tokens).sum();
        Assert.True(LiveTensors.LeftBy(() => loss.backward()) <= 40);
    }

    [Fact]
    public void Forward_CheckpointsAndObserver_IsObservedOnceAndMayBeCancelled()
    {
        using UNet3DConditionModel network = UNetFixtures.Random(UNetFixtures.Small);
        network.GradientCheckpointing = true;
        using DisposeScope scope = NewDisposeScope();
        Tensor sample = UNetFixtures.Noise(1, 2, 5, 3, 4, 6);
        Tensor tokens = UNetFixtures.Noise(2, 2, 3, 7, 12);
        using CancellationTokenSource source = new();
        List<string> seen = [];
        UNetForwardOptions options = new() { Observer = (name, _) => seen.Add(name), CancellationToken = source.Token };
        Tensor output = network.forward(sample, tensor(301L), tokens, options);
        int count = seen.Count;
        Assert.Single(seen, name => name == "down_blocks.0.resnets.0");
        source.Cancel();
        output.sum().backward(); // what is recorded is no longer stopped
        Assert.Equal(count, seen.Count);
        Assert.Throws<OperationCanceledException>(() => network.forward(sample, tensor(301L), tokens, options));
    }

    private static void AssertSameGradients(nn.Module network, Tensor[] inputs, Action<bool> switchOn, Func<Tensor> compute)
    {
        (string Name, Tensor Tensor)[] leaves =
        [
            .. inputs.Select((input, i) => ($"input {i}", input)),
            .. network.named_parameters().Where(p => p.parameter.requires_grad).Select(p => (p.name, (Tensor)p.parameter)),
        ];
        switchOn(false);
        (Tensor expected, Tensor[] without) = Step();
        switchOn(true);
        (Tensor actual, Tensor[] with) = Step();
        // The forward pass may choose another kernel without gradients; the rest is the same arithmetic.
        Assert.True(TensorAssert.RelativeError(actual, expected) < 1e-13);
        Assert.All(
            leaves.Select((leaf, i) => (leaf.Name, i)),
            leaf => Assert.True(Difference(with[leaf.i], without[leaf.i]) < 1e-11, leaf.Name)
        );
        (_, Tensor[] again) = Step();
        Assert.All(
            leaves.Select((leaf, i) => (leaf.Name, i)),
            leaf => Assert.True(UNetFixtures.Same(with[leaf.i], again[leaf.i]), leaf.Name)
        );

        (Tensor Output, Tensor[] Gradients) Step()
        {
            foreach ((_, Tensor leaf) in leaves)
            {
                leaf.grad?.zero_();
            }
            Tensor output = compute();
            (output * output).sum().backward();
            return (
                output.detach(),
                [.. leaves.Select(leaf => leaf.Tensor.grad is { } gradient ? gradient.clone() : zeros_like(leaf.Tensor))]
            );
        }
    }

    private static double Difference(Tensor actual, Tensor expected) =>
        (actual - expected).norm().item<double>() / Math.Max(expected.norm().item<double>(), 1e-6);

    private sealed class Scale : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Parameter _weight = new(tensor(3.5, ScalarType.Float64));

        public Scale()
            : base(nameof(Scale)) => RegisterComponents();

        public TorchSharp.Modules.Parameter Weight => _weight;

        public override Tensor forward(Tensor input) => input * _weight;
    }
}
