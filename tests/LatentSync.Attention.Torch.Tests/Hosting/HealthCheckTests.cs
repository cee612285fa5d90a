using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests.Hosting;

public sealed class HealthCheckTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Health_FusedKernelRuns_IsHealthyAndNamesIt()
    {
        using ServiceProvider services = TestServices.Build(configure: OnCpu);
        HealthReportEntry entry = await CheckAsync(services);
        Assert.Equal(HealthStatus.Healthy, entry.Status);
        Assert.Equal("cpu: managed-flash", entry.Description);
        Assert.Equal("managed-flash", entry.Data["cpu.chosen"]);
        Assert.Equal("runs", entry.Data["cpu.torch-math"]);
        Assert.Equal("auto", entry.Data["policy"]);
        Assert.Empty(Assert.IsType<string[]>(entry.Data["quarantine"]));
        Assert.Empty(services.GetRequiredService<AttentionDispatcher>().Snapshot()); // it only looked
    }

    [Fact]
    public async Task Health_BackendSetAside_IsDegradedWithTheCause()
    {
        using var scope = NewDisposeScope();
        var faulty = new ScriptedBackend(new TorchFlashBackend(), (_, _) => FallbackTests.Failure(FailureKind.NoKernel));
        using ServiceProvider services = TestServices.Build(configure: TestServices.With(faulty, new TorchMathBackend()));
        Tensor query = randn(1, 2, 16, 24);
        services.GetRequiredService<AttentionDispatcher>().Run(query, query, query);

        HealthReportEntry entry = await CheckAsync(services);

        Assert.Equal(HealthStatus.Degraded, entry.Status);
        Assert.Contains("set aside after failures: torch-flash", entry.Description!, StringComparison.Ordinal);
        Assert.Contains("No available kernel", Assert.Single(Assert.IsType<string[]>(entry.Data["quarantine"])), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, HealthStatus.Degraded)] // only the standard path: something is missing
    [InlineData("require torch-math", HealthStatus.Healthy)] // as it was wished
    [InlineData("forbid torch-flash", HealthStatus.Degraded)]
    [InlineData("forbid torch-math", HealthStatus.Unhealthy)] // nothing is left
    public async Task Health_OnlyTheStandardPath_DependsOnThePolicy(string? policy, HealthStatus expected)
    {
        using ServiceProvider services = TestServices.Build(configure: options =>
        {
            options.Policy = policy;
            TestServices.With(new TorchMathBackend())(options);
        });
        HealthReportEntry entry = await CheckAsync(services);
        Assert.Equal(expected, entry.Status);
        Assert.Contains("ATT0107", Assert.IsType<string>(entry.Data["cpu.torch-flash"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Health_GpuThatNothingServes_IsUnhealthyAndSaysWhere()
    {
        var gpu = new GpuInfo("Tesla M40", "5.2", 12L << 30, null, null);
        using ServiceProvider services = TestServices.Build(configure: options =>
            options.ConfigureDispatcher = built =>
                built with
                {
                    Machine = built.Machine! with
                    {
                        Gpus = [gpu],
                        LibTorch = new LibTorchInfo("2.10.0", "cu128", null, false, ["7.0", "7.5", "8.0"]),
                    },
                    FreeMemory = _ => 8L << 30,
                }
        );
        HealthReportEntry entry = await CheckAsync(services);
        Assert.Equal(HealthStatus.Unhealthy, entry.Status);
        Assert.Contains("nothing runs on cuda:0", entry.Description!, StringComparison.Ordinal);
        Assert.Equal("managed-flash", entry.Data["cpu.chosen"]);
        Assert.Equal("", entry.Data[$"{AttentionDevice.Cuda()}.chosen"]);
    }

    [Fact]
    public async Task Health_OptionsMisspelt_IsReportedNotThrown()
    {
        using ServiceProvider services = TestServices.Build(configure: options => options.Policy = "prefer nothing");
        HealthReportEntry entry = await CheckAsync(services);
        Assert.Equal(HealthStatus.Unhealthy, entry.Status);
        Assert.Contains("prefer nothing", entry.Description!, StringComparison.Ordinal);
        Assert.NotNull(entry.Exception);
    }

    [Fact]
    public async Task Health_FailureStatusGiven_IsReported()
    {
        var collection = new ServiceCollection();
        collection.AddLogging();
        collection.AddHealthChecks().AddLatentSyncAttention("kernels", HealthStatus.Degraded, ["ready"]);
        collection.AddLatentSyncAttention(options => options.Policy = "nonsense");
        await using ServiceProvider services = collection.BuildServiceProvider();
        HealthReport report = await services
            .GetRequiredService<HealthCheckService>()
            .CheckHealthAsync(check => check.Tags.Contains("ready"), Cancellation);
        Assert.Equal(HealthStatus.Degraded, report.Entries["kernels"].Status);
    }

    private static void OnCpu(AttentionServiceOptions options) =>
        options.ConfigureDispatcher = built => built with { Machine = built.Machine! with { Gpus = [] } };

    private static async Task<HealthReportEntry> CheckAsync(ServiceProvider services) =>
        (await services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Cancellation)).Entries["latentsync-attention"];
}
