using LatentSync.Checkpoints;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.Loading;
using LatentSync.Models.Tests.Loading;
using LatentSync.Testing;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Models.Tests.Autoencoders;

public sealed class AutoencoderKLTests
{
    private static readonly AutoencoderConfiguration Published = new()
    {
        BlockOutChannels = [128, 256, 512, 512],
        DownBlockHasAttention = [false, false, false, false],
        UpBlockHasAttention = [false, false, false, false],
        LayersPerBlock = 2,
    };

    private static readonly AutoencoderConfiguration Small = new()
    {
        BlockOutChannels = [8, 16],
        DownBlockHasAttention = [false, false],
        UpBlockHasAttention = [false, false],
        NormNumGroups = 4,
    };

    [Fact]
    public void Encode_GoldenImage_MatchesTheOriginal()
    {
        using GoldenFixture golden = new("vae");
        using AutoencoderKL vae = GoldenVae(golden, ScalarType.Float32);
        using IDisposable noGrad = no_grad();
        using Tensor image = golden.Read("image");
        (Tensor mean, Tensor logVariance) = vae.Encode(image);
        using (mean)
        using (logVariance)
        {
            TensorAssert.Close(mean, golden.Read("mean"), 2e-4, 1e-4);
            TensorAssert.Close(logVariance, golden.Read("logvar"), 2e-4, 1e-4);
        }
    }

    [Theory]
    [InlineData("mean", "decoded_from_mean")]
    [InlineData("z", "decoded_from_z")]
    public void Decode_GoldenLatents_MatchTheOriginal(string latents, string pixels)
    {
        using GoldenFixture golden = new("vae");
        using AutoencoderKL vae = GoldenVae(golden, ScalarType.Float32);
        using IDisposable noGrad = no_grad();
        using Tensor input = golden.Read(latents);
        using Tensor decoded = vae.Decode(input);
        TensorAssert.Close(decoded, golden.Read(pixels), 2e-4, 1e-4);
    }

    [Theory]
    [InlineData(ScalarType.Float16, 2e-2)] // the manifest's bound
    [InlineData(ScalarType.BFloat16, 4e-2)] // three bits fewer; measured 1.4e-2
    public void EncodeDecode_HalfPrecision_StaysWithinTheBound(ScalarType dtype, double bound)
    {
        using GoldenFixture golden = new("vae");
        using AutoencoderKL vae = GoldenVae(golden, dtype);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        (Tensor mean, _) = vae.Encode(golden.Read("image").to(dtype));
        Tensor decoded = vae.Decode(golden.Read("z").to(dtype));
        Assert.Equal(dtype, mean.dtype);
        Assert.Equal(dtype, decoded.dtype);
        Assert.InRange(TensorAssert.RelativeError(mean, golden.Read("mean")), 0, bound);
        Assert.InRange(TensorAssert.RelativeError(decoded, golden.Read("decoded_from_z")), 0, bound);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void EncodeAndDecode_InSlices_GiveTheNumbersOfTheWhole(int sliceSize)
    {
        using AutoencoderKL vae = Seeded(Small, 1);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor pixels = randn(5, 3, 16, 16, generator: new Generator(2));
        (Tensor mean, Tensor logVariance) = vae.Encode(pixels);
        (Tensor slicedMean, Tensor slicedLogVariance) = vae.Encode(pixels, sliceSize);
        TensorAssert.Close(slicedMean, mean.clone(), 1e-5, 1e-5);
        TensorAssert.Close(slicedLogVariance, logVariance, 1e-5, 1e-5);
        TensorAssert.Close(vae.Decode(mean, sliceSize), vae.Decode(mean), 1e-5, 1e-5);
    }

    [Fact]
    public void Create_PublishedConfiguration_HasThePublishedKeysAndShapes()
    {
        using AutoencoderKL vae = AutoencoderKL.Create(Published, ScalarType.Float32, CPU);
        string[] expected = [.. KeyList("vae_keys.tsv").Select(row => $"{row[0]} {row[2]}").Order(StringComparer.Ordinal)];
        Assert.Equal(expected, Keys(vae));
        Assert.Equal(8, vae.DownsamplingFactor);
        Assert.Equal(0.18215, vae.ScalingFactor);
        Assert.Equal(83_653_863, vae.parameters().Sum(p => p.numel()));
    }

    [Fact]
    public void Create_WithoutOptionalParts_LacksTheirKeysOnly()
    {
        AutoencoderConfiguration bare = Small with { MidBlockAddAttention = false, UseQuantConv = false, UsePostQuantConv = false };
        using AutoencoderKL whole = Seeded(Small, 1);
        using AutoencoderKL reduced = Seeded(bare, 1);
        string[] lacking = [.. Keys(whole).Except(Keys(reduced)).Select(k => k.Split(' ')[0])];
        Assert.All(lacking, key => Assert.True(key.Contains("mid_block.attentions.0.") || key.Contains("quant_conv."), key));
        Assert.Equal(2 * 10 + 4, lacking.Length);
        Assert.Empty(Keys(reduced).Except(Keys(whole)));
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        (Tensor mean, _) = reduced.Encode(randn(1, 3, 8, 8));
        Assert.Equal([1, 4, 4, 4], mean.shape);
        Assert.Equal([1, 3, 8, 8], reduced.Decode(mean).shape);
    }

    public static TheoryData<string, long, long> Configurations =>
        new()
        {
            { """{"block_out_channels":[8],"norm_num_groups":8,"layers_per_block":1}""", 1, 4 },
            { """{"block_out_channels":[8,12,16],"norm_num_groups":4,"layers_per_block":2,"latent_channels":3,"act_fn":"gelu"}""", 4, 3 },
            {
                """{"block_out_channels":[4,4,8,8,8],"norm_num_groups":2,"latent_channels":16,"act_fn":"mish","shift_factor":0.1}""",
                16,
                16
            },
            {
                """{"block_out_channels":[8,16],"norm_num_groups":8,"act_fn":"relu","down_block_types":["DownEncoderBlock2D","AttnDownEncoderBlock2D"],"up_block_types":["AttnUpDecoderBlock2D","UpDecoderBlock2D"]}""",
                2,
                4
            },
        };

    [Theory]
    [MemberData(nameof(Configurations))]
    public void EncodeAndDecode_AnyConfiguration_HaveItsShapes(string json, long factor, long latentChannels)
    {
        using AutoencoderKL vae = Seeded(AutoencoderConfigurationTests.Parse(json), 3);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        (Tensor mean, Tensor logVariance) = vae.Encode(randn(2, 3, 16, 32, generator: new Generator(4)));
        Assert.Equal([2, latentChannels, 16 / factor, 32 / factor], mean.shape);
        Assert.Equal(mean.shape, logVariance.shape);
        Tensor decoded = vae.Decode(mean);
        Assert.Equal([2, 3, 16, 32], decoded.shape);
        Assert.True(decoded.isfinite().all().item<bool>());
        Assert.Equal(factor, vae.DownsamplingFactor);
    }

    [Fact]
    public void Create_OtherImageChannels_AreThoseOfInputAndOutput()
    {
        using AutoencoderKL vae = Seeded(Small with { InChannels = 1, OutChannels = 2 }, 1);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        (Tensor mean, _) = vae.Encode(zeros(1, 1, 8, 8));
        Assert.Equal([1, 2, 8, 8], vae.Decode(mean).shape);
    }

    [Fact]
    public void Encode_LogVariance_IsClamped()
    {
        using AutoencoderKL vae = Seeded(Small, 1);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor bias = vae.state_dict()["quant_conv.bias"];
        bias.fill_(1000);
        (Tensor mean, Tensor upper) = vae.Encode(zeros(1, 3, 8, 8));
        bias.fill_(-1000);
        (_, Tensor lower) = vae.Encode(zeros(1, 3, 8, 8));
        Assert.True(mean.min().item<float>() > 900);
        Assert.Equal(20, upper.max().item<float>());
        Assert.Equal(20, upper.min().item<float>());
        Assert.Equal(-30, lower.max().item<float>());
    }

    [Fact]
    public void Sample_IsMeanPlusDeviationTimesNoise()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor sample = AutoencoderKL.Sample(tensor(new[] { 1f, 2f }), tensor(new[] { 0f, (float)Math.Log(4) }), tensor(new[] { 3f, -1f }));
        Assert.Equal(4, sample[0].item<float>(), 1e-6f);
        Assert.Equal(0, sample[1].item<float>(), 1e-6f);
    }

    [Fact]
    public void EncodeAndDecode_WithoutGradients_LeaveOnlyTheirResults()
    {
        using AutoencoderKL vae = Seeded(Small, 1);
        using IDisposable noGrad = no_grad();
        using Tensor pixels = randn(3, 3, 16, 16);
        long left = LiveTensors.LeftBy(() =>
        {
            (Tensor mean, Tensor logVariance) = vae.Encode(pixels, 2);
            using (mean)
            using (logVariance)
            {
                using Tensor whole = vae.Decode(mean);
                using Tensor sliced = vae.Decode(mean, 2);
            }
        });
        Assert.Equal(0, left);
        (Tensor kept, Tensor alsoKept) = (null!, null!);
        Assert.Equal(2, LiveTensors.LeftBy(() => (kept, alsoKept) = vae.Encode(pixels)));
        kept.Dispose();
        alsoKept.Dispose();
    }

    [Fact]
    public void Backward_ThroughEncodeAndDecode_ReachesEveryParameter()
    {
        using AutoencoderKL vae = Seeded(Small, 1);
        using DisposeScope scope = NewDisposeScope();
        Tensor pixels = randn(1, 3, 8, 8, generator: new Generator(6));
        (Tensor mean, Tensor logVariance) = vae.Encode(pixels);
        Tensor noise = randn(mean.shape, generator: new Generator(7));
        Tensor loss = (vae.Decode(AutoencoderKL.Sample(mean, logVariance, noise)) - pixels).square().mean();
        loss.backward();
        Assert.All(
            vae.named_parameters(),
            p => Assert.True(p.parameter.grad is not null && p.parameter.grad.isfinite().all().item<bool>(), p.name)
        );
        Assert.True(vae.get_parameter("encoder.conv_in.weight")!.grad!.abs().max().item<float>() > 0);
    }

    [Fact]
    public void InitializeForTraining_IsDecidedByTheSeed()
    {
        using AutoencoderKL first = Seeded(Small, 7);
        using AutoencoderKL same = Seeded(Small, 7);
        using AutoencoderKL other = Seeded(Small, 8);
        Tensor weight = first.state_dict()["encoder.conv_in.weight"];
        Assert.True(weight.equal(same.state_dict()["encoder.conv_in.weight"]).all().item<bool>());
        Assert.False(weight.equal(other.state_dict()["encoder.conv_in.weight"]).all().item<bool>());
        double bound = 1 / Math.Sqrt(3 * 9); // kaiming_uniform(sqrt 5): 1 / sqrt(fan in)
        Assert.InRange(weight.abs().max().item<float>(), 0.9 * bound, bound);
        Assert.Equal(1, first.state_dict()["encoder.conv_norm_out.weight"].min().item<float>());
    }

    internal static AutoencoderKL Seeded(AutoencoderConfiguration configuration, long seed)
    {
        AutoencoderKL vae = AutoencoderKL.Create(configuration, ScalarType.Float32, CPU);
        vae.InitializeForTraining(seed);
        return vae;
    }

    internal static string[] Keys(nn.Module module, string prefix = "") =>
        [.. module.state_dict().Select(e => $"{prefix}{e.Key} {string.Join('x', e.Value.shape)}").Order(StringComparer.Ordinal)];

    internal static IEnumerable<string[]> KeyList(string file) =>
        File.ReadLines(Path.Combine(RepositoryRoot.Find(), "tests", "Data", "keys", file)).Skip(1).Select(line => line.Split('\t'));

    private static AutoencoderKL GoldenVae(GoldenFixture golden, ScalarType dtype)
    {
        AutoencoderKL vae = AutoencoderKL.Create(AutoencoderConfiguration.FromJson(golden.Configuration), dtype, CPU);
        using TensorArchive weights = golden.OpenWeights();
        StateDictLoader.Load(vae, weights, new StateDictOptions { Strictness = StateDictStrictness.Exact });
        return vae;
    }
}
