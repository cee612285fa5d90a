using LatentSync.Networks;
using LatentSync.Platform.Machines;
using LatentSync.Testing;
using TorchSharp;

namespace LatentSync.Tests.Run;

/// <summary>Runs through the (small, untrained) networks.</summary>
[Collection(PipelineRuns.Name)]
[Trait("Category", "Integration")]
public sealed class PipelineGenerationTests(PipelineFixture fixture) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Run_Twice_SameFramesAndNothingButTheMouthChanges()
    {
        await Clips.RequireToolsAsync();
        SyncReport report = await RunAsync(Quick("a.mp4"));
        List<byte[]> first = await Clips.DecodeAsync(_folder.File("a.mp4")),
            source = await Clips.DecodeAsync(fixture.Talk);

        Assert.Equal(5, report.Frames);
        Assert.Equal(5, report.NetworkFrames);
        Assert.Equal((160, 160, 25.0, 0.2), (report.Width, report.Height, report.FrameRate, Math.Round(report.DurationSeconds, 3)));
        Assert.Equal(1247, report.Seed);
        Assert.Equal(("cpu", "f32"), (report.Device.Split(':')[0], report.DType));
        Assert.Empty(report.WithoutFace);
        Assert.Equal(5, first.Count);
        Assert.Equal(await fixture.PlainFramesAsync(1), first);
        for (int i = 0; i < first.Count; i++)
        {
            (int largest, double mean) = Clips.Difference(source[i], first[i]);
            Assert.True(
                largest > 30,
                $"frame {i}: the untrained mouth must differ from the speaker's, but by {largest} grey levels at most"
            );
            Assert.True(mean < 20, $"frame {i}: only the face may change, but the mean difference is {mean:0.0} grey levels");
            double corner = Clips.Psnr(source[i], first[i], PipelineFixture.Side, (0, 0, 24, 24));
            Assert.True(corner > 40, $"frame {i}: a corner far from the face has {corner:0.0} dB");
        }
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_OtherSeed_OtherFrames()
    {
        await Clips.RequireToolsAsync();
        SyncReport other = await RunAsync(Quick("b.mp4") with { Seed = 9 });

        Assert.Equal(9, other.Seed);
        Assert.NotEqual((await fixture.PlainFramesAsync(1))[2], (await Clips.DecodeAsync(_folder.File("b.mp4")))[2]);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_SeedMinusOne_ReportsTheSeedThatRepeatsIt()
    {
        await Clips.RequireToolsAsync();
        SyncReport drawn = await RunAsync(Quick("a.mp4") with { Seed = -1 });
        await RunAsync(Quick("b.mp4") with { Seed = drawn.Seed });

        Assert.True(drawn.Seed >= 0);
        Assert.Equal(await Clips.DecodeAsync(_folder.File("a.mp4")), await Clips.DecodeAsync(_folder.File("b.mp4")));
    }

    [Fact]
    public async Task Run_Report_NamesEveryLayerClassAndStage()
    {
        await Clips.RequireToolsAsync();
        SyncReport report = await RunAsync(Quick("o.mp4") with { InferenceSteps = 2, GuidanceScale = 1.5 });

        string[] layers = [.. report.Attention.Select(a => a.Layer).Distinct().Order(StringComparer.Ordinal)];
        Assert.Equal(["unet.audio-cross", "unet.spatial-self", "unet.temporal", "vae.mid", "whisper.self"], layers);
        Assert.All(report.Attention, use => Assert.True(use.Calls > 0, $"{use}"));
        Assert.Equal(["audio", "denoise", "faces", "load", "write"], report.StageSeconds.Keys.Order(StringComparer.Ordinal));
        Assert.True(report.PeakMemoryBytes > 50L << 20);
        Assert.Contains("landmarks file", report.Detector, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("managed-flash")]
    [InlineData("torch-math", Traits = ["Category", "Slow"])]
    [InlineData("sliced", Traits = ["Category", "Slow"])]
    public async Task Run_OtherAttentionBackend_SameFramesWithinRounding(string backend)
    {
        await Clips.RequireToolsAsync();
        SyncReport flash = await RunAsync(Quick("flash.mp4") with { Attention = "prefer torch-flash", Crf = 0 });
        SyncReport other = await RunAsync(Quick("other.mp4") with { Attention = backend, Crf = 0 });
        List<byte[]> expected = await Clips.DecodeAsync(_folder.File("flash.mp4")),
            actual = await Clips.DecodeAsync(_folder.File("other.mp4"));

        Assert.Contains(flash.Attention, use => use.Backend == "torch-flash");
        Assert.All(other.Attention, use => Assert.Equal(backend, use.Backend));
        Assert.Equal(expected.Count, actual.Count);
        for (int i = 0; i < expected.Count; i++)
        {
            (int largest, double mean) = Clips.Difference(expected[i], actual[i]);
            // Encoding adds to the rounding: single pixels may move by a level or two.
            Assert.True(mean < 0.05 && largest <= 2, $"frame {i}: mean difference {mean:0.000}, largest {largest} grey levels");
        }
    }

    [Theory]
    [InlineData("deepcache", Traits = ["Category", "Slow"])]
    [InlineData("dpm++", Traits = ["Category", "Slow"])]
    public Task Run_Variants_RunToTheEndAndDifferFromThePlainRun(string variant) => RunVariantAsync(variant);

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("guided")]
    [InlineData("bf16")]
    [InlineData("isolated audio")]
    public Task Run_MoreVariants_RunToTheEndAndDifferFromThePlainRun(string variant) => RunVariantAsync(variant);

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_SilenceOriginal_PausesKeepTheSpeaker()
    {
        await Clips.RequireToolsAsync();
        // 0.2 s of tone, then a pause of 0.6 s.
        await Clips.FfmpegAsync(
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=300:sample_rate=16000:duration=0.2",
            "-af",
            "apad=whole_dur=0.8",
            _folder.File("pause.wav")
        );
        SyncOptions options = Quick("o.mp4") with { AudioPath = _folder.File("pause.wav"), PreviewSeconds = null, Silence = "original" };
        SyncReport report = await RunAsync(options);
        List<byte[]> source = await Clips.DecodeAsync(fixture.Talk),
            result = await Clips.DecodeAsync(options.OutputPath);

        Assert.Equal(20, report.Frames);
        double speaking = Clips.Psnr(source[1], result[1], PipelineFixture.Side, (40, 40, 120, 150));
        double silent = Clips.Psnr(source[15], result[15], PipelineFixture.Side, (40, 40, 120, 150));
        Assert.True(speaking < 25, $"while the tone sounds the mouth is generated: {speaking:0.0} dB");
        Assert.True(silent > 34, $"in the pause the speaker stays: {silent:0.0} dB");
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_OnLoadedNetworks_NoTensorIsLeft()
    {
        await Clips.RequireToolsAsync();
        SyncOptions options = Quick("o.mp4") with { InferenceSteps = 2, GuidanceScale = 1.5, DeepCache = true };
        await RunAsync(options); // what libraries keep for good is there before counting
        long before = torch.Tensor.TotalCount;
        await RunAsync(options);

        Assert.Equal(before, torch.Tensor.TotalCount);
    }

    [Fact]
    public void Dispose_Networks_EveryParameterAndBufferIsFreed()
    {
        // Tensor.TotalCount would not tell: TorchSharp counts a parameter twice and takes it off once.
        LipSyncModels models = LipSyncModels.Load(Quick("o.mp4"), SyncSettings.Of(Quick("o.mp4")), new MachineExaminer().Examine());
        torch.nn.Module[] networks = [models.UNet, models.Vae, models.Whisper];
        torch.Tensor[] tensors = [.. networks.SelectMany(n => n.parameters().Cast<torch.Tensor>().Concat(n.buffers()))];
        Assert.True(tensors.Length > 500, $"{tensors.Length} tensors");
        models.Dispose();

        Assert.All(tensors, t => Assert.True(t.IsInvalid));
    }

    [Fact]
    public async Task Run_Failed_NoTensorIsLeft()
    {
        await Clips.RequireToolsAsync();
        await RunAsync(Quick("warm.mp4"));
        long before = torch.Tensor.TotalCount;
        using CancellationTokenSource cancellation = new();
        ImmediateSyncProgress progress = new(p =>
        {
            if (p is { Stage: SyncStage.Denoise, Done: 1 })
            {
                cancellation.Cancel();
            }
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            fixture.Pipeline.RunAsync(Quick("o.mp4") with { InferenceSteps = 4, GuidanceScale = 2 }, progress, cancellation.Token)
        );

        Assert.True(torch.Tensor.TotalCount <= before, $"{torch.Tensor.TotalCount - before} tensors are left");
    }

    private async Task RunVariantAsync(string variant)
    {
        await Clips.RequireToolsAsync();
        SyncOptions options = Quick("variant.mp4") with { InferenceSteps = 3 };
        options = variant switch
        {
            "deepcache" => options with { DeepCache = true },
            "dpm++" => options with { Scheduler = "dpm++" },
            "guided" => options with { GuidanceScale = 2 },
            "bf16" => options with { DType = "bf16" },
            _ => options with { IsolatedAudioWindows = true },
        };
        SyncReport report = await RunAsync(options);
        IReadOnlyList<byte[]> expected = await fixture.PlainFramesAsync(3),
            actual = await Clips.DecodeAsync(options.OutputPath);

        Assert.Equal((5, 5), (report.Frames, actual.Count));
        // Less than 30 s of speech are one window either way.
        Assert.Equal(variant == "isolated audio", expected[3].AsSpan().SequenceEqual(actual[3]));
    }

    private SyncOptions Quick(string name) => fixture.Quick(_folder.File(name));

    private Task<SyncReport> RunAsync(SyncOptions options) => fixture.Pipeline.RunAsync(options);
}
