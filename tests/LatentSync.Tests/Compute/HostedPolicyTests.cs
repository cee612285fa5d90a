using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Hosting;
using LatentSync.Compute;
using LatentSync.Testing;
using LatentSync.Tests.Run;
using Microsoft.Extensions.DependencyInjection;

namespace LatentSync.Tests.Compute;

/// <summary>One program, one attention policy: what a service container was told, the pipeline follows.</summary>
[Collection(PipelineRuns.Name)]
[Trait("Category", "Integration")]
public sealed class HostedPolicyTests(PipelineFixture fixture) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        HostedAttention.Forget();
        _folder.Dispose();
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_PipelineOfTheContainer_FollowsItsPolicy()
    {
        await Clips.RequireToolsAsync();
        using ServiceProvider provider = new ServiceCollection()
            .AddLatentSyncAttention(options => options.Policy = "require sliced")
            .AddSingleton<LipSyncPipeline>()
            .BuildServiceProvider();
        HostedAttention.Forget(); // what follows comes from the container alone

        SyncReport report = await provider.GetRequiredService<LipSyncPipeline>().RunAsync(fixture.Quick(_folder.File("out.mp4")));

        Assert.NotEmpty(report.Attention);
        Assert.All(report.Attention, use => Assert.Equal("sliced", use.Backend));
    }

    [Fact]
    public async Task Run_PipelineBesideTheContainer_FollowsItsPolicyAndAnExplicitOneStandsBeforeIt()
    {
        await Clips.RequireToolsAsync();
        using ServiceProvider provider = new ServiceCollection()
            .AddLatentSyncAttention(options => options.Policy = "require sliced")
            .BuildServiceProvider();
        _ = provider.GetRequiredService<AttentionDispatcher>();
        using var pipeline = new LipSyncPipeline();

        SyncReport followed = await pipeline.RunAsync(fixture.Quick(_folder.File("followed.mp4")));
        SyncReport own = await pipeline.RunAsync(fixture.Quick(_folder.File("own.mp4")) with { Attention = "require torch-math" });

        Assert.All(followed.Attention, use => Assert.Equal("sliced", use.Backend));
        Assert.DoesNotContain(followed.Warnings, warning => warning.StartsWith("attention:", StringComparison.Ordinal));
        Assert.All(own.Attention, use => Assert.Equal("torch-math", use.Backend));
        Assert.Contains(
            "attention: this run asked for \"require torch-math\", which replaces the program's policy \"require sliced\"",
            own.Warnings
        );
    }

    [Fact]
    public void Choose_EverySource_TheNearestCounts()
    {
        Machine machine = TorchMachine.Describe();
        BackendRanking tuned = BackendRanking.Measured(new Dictionary<ProblemClass, IReadOnlyList<string>>());
        AttentionDispatcher given = new(new AttentionDispatcherOptions { Policy = Policy.Require("torch-math") });
        AttentionDispatcher scoped = new(new AttentionDispatcherOptions { Policy = Policy.Prefer("torch-flash") });
        Assert.Null(RunAttention.Choose(null, null, machine, tuned).Options.Policy); // the environment variable's, else auto

        var services = new ServiceCollection();
        services.AddLatentSyncAttention(options => options.Policy = "forbid managed-flash"); // and nobody asks for the dispatcher
        services.AddLatentSyncAttention();
        RunAttention hosted = RunAttention.Choose(null, null, machine, tuned);
        Assert.Equal(Policy.Forbid("managed-flash"), hosted.Options.Policy);
        Assert.Same(tuned, hosted.Options.Ranking);
        using (AttentionDispatcher.Use(scoped))
        {
            Assert.Equal(scoped.Policy, RunAttention.Choose(null, null, machine, tuned).Options.Policy);
            RunAttention own = RunAttention.Choose(null, given, machine, tuned);
            Assert.Equal(given.Policy, own.Options.Policy);
            Assert.Same(given.Quarantine, own.Options.Quarantine);
            Assert.Null(own.Note);
            Assert.NotNull(RunAttention.Choose(Policy.Require("sliced"), given, machine, tuned).Note);
            Assert.Null(RunAttention.Choose(Policy.Require("torch-math"), given, machine, tuned).Note);
        }
    }
}
