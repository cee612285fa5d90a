using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.SelfTest;
using LatentSync.Lab.FaultInjection;
using LatentSync.Testing;

namespace LatentSync.Tests.Run;

/// <summary>A real sync whose attention kernels fail at random calls in every way.</summary>
[Collection(PipelineRuns.Name)]
[Trait("Category", "Integration")]
public sealed class PipelineSabotageTests(PipelineFixture fixture) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_KernelsFailAtRandom_SameFramesAndEveryIncidentOnce()
    {
        await Clips.RequireToolsAsync();
        SyncOptions options = fixture.Quick(_folder.File("plain.mp4")) with { InferenceSteps = 2, GuidanceScale = 1.5, Crf = 0 };
        SyncReport plain = await fixture.Pipeline.RunAsync(options);
        var recorder = new Recorder();
        FaultyBackend[] faulty =
        [
            new(new TorchFlashBackend(), new FaultPlan { Seed = 5, Rate = 0.4 }),
            new(new TorchMathBackend(), new FaultPlan { Seed = 6, Rate = 0.4 }),
        ];
        using var pipeline = new LipSyncPipeline
        {
            ConfigureAttention = given =>
                given with
                {
                    Backends =
                    [
                        .. new IAttentionBackend[] { faulty[0], faulty[1], new SlicedBackend() }.Select(b => new ReleasingBackend(
                            b,
                            recorder
                        )),
                    ],
                    Quarantine = recorder.Quarantine,
                    Listener = recorder,
                    SelfTest = SelfTestMode.Off, // it would take the first faults for itself
                },
        };

        SyncReport report = await pipeline.RunAsync(options with { OutputPath = _folder.File("sabotaged.mp4") });

        Assert.Equal((plain.Frames, plain.NetworkFrames), (report.Frames, report.NetworkFrames));
        List<byte[]> expected = await Clips.DecodeAsync(_folder.File("plain.mp4")),
            actual = await Clips.DecodeAsync(_folder.File("sabotaged.mp4"));
        Assert.Equal(expected.Count, actual.Count);
        for (int i = 0; i < expected.Count; i++)
        {
            double psnr = Clips.Psnr(expected[i], actual[i], PipelineFixture.Side, (0, 0, PipelineFixture.Side, PipelineFixture.Side));
            Assert.True(psnr > 55, $"frame {i}: {psnr:0.0} dB");
        }
        int faults = faulty.Sum(backend => backend.Faults.Count);
        Assert.True(faults >= 20, $"only {faults} faults");
        Assert.Equal(faults, recorder.Incidents.Count); // each told, none twice
        Assert.Equal(plain.Attention.Sum(use => use.Calls), report.Attention.Sum(use => use.Calls)); // each call completed once
        Assert.True(report.Attention.Select(use => use.Backend).Distinct().Count() >= 2, "the fallbacks ran");
        Assert.All(recorder.Incidents, incident => Assert.NotNull(incident.Layer));
    }

    /// <summary>Without help from outside: a backend that fails is set aside, and the log has one line per class of problems.</summary>
    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_KernelGoneFromTheStart_OneIncidentForTheWholeRun()
    {
        await Clips.RequireToolsAsync();
        var recorder = new Recorder();
        using var pipeline = new LipSyncPipeline
        {
            ConfigureAttention = given =>
                given with
                {
                    Backends =
                    [
                        new FaultyBackend(
                            new TorchFlashBackend(),
                            new FaultPlan
                            {
                                Seed = 1,
                                Rate = 1,
                                Kinds = [FaultKind.LibraryGone],
                            }
                        ),
                        new TorchMathBackend(),
                        new SlicedBackend(),
                    ],
                    Listener = recorder,
                },
        };
        SyncReport report = await pipeline.RunAsync(fixture.Quick(_folder.File("o.mp4")));
        Assert.Equal(5, report.Frames);
        AttentionIncident incident = Assert.Single(recorder.Incidents);
        Assert.Equal(("torch-flash", "ATT0905"), (incident.Backend, incident.Reason.Code));
        Assert.DoesNotContain(report.Attention, use => use.Backend == "torch-flash");
    }

    private sealed class Recorder : IAttentionListener
    {
        public List<AttentionIncident> Incidents { get; } = [];

        public Attention.Selection.Quarantine Quarantine { get; } = new();

        public void OnIncident(AttentionIncident incident)
        {
            lock (Incidents)
            {
                Incidents.Add(incident);
            }
        }
    }

    /// <summary>Forgives at every call what was set aside before it, so that failures go on through the whole run.</summary>
    private sealed class ReleasingBackend(IAttentionBackend inner, Recorder recorder) : IAttentionBackend
    {
        public string Name => inner.Name;

        public AttentionResult Run(in Attention.Problems.AttentionProblem problem, Attention.Torch.Operands.AttentionInputs inputs)
        {
            recorder.Quarantine.Release();
            return inner.Run(problem, inputs);
        }
    }
}
