using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Failures;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Hosting;
using LatentSync.Foundation.Wording;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using static TorchSharp.torch;

namespace LatentSync.Attention.Torch.Tests.Hosting;

public sealed class ServiceRegistrationTests
{
    [Fact]
    public void AddLatentSyncAttention_Resolved_IsOneDispatcherThatComputes()
    {
        using var scope = NewDisposeScope();
        using ServiceProvider services = TestServices.Build();
        var dispatcher = services.GetRequiredService<AttentionDispatcher>();
        Tensor query = randn([2, 4, 33, 40], generator: new Generator(1));

        Tensor result = dispatcher.Run(query, query, query, layer: "service");

        Assert.True((ReferenceAttention.Compute(query, query, query, default) - result).abs().max().item<double>() < 1e-5);
        Assert.Same(dispatcher, services.GetRequiredService<AttentionDispatcher>());
        Assert.Equal(("service", 1L), (dispatcher.Snapshot().Single().Layer, dispatcher.Snapshot().Single().Calls));
        Assert.NotEqual("unknown", dispatcher.Machine.Cpu.Name); // examined, not guessed
    }

    [Fact]
    public void AddLatentSyncAttention_CalledAgain_OnlyAddsConfiguration()
    {
        using ServiceProvider services = TestServices.Build(
            configure: options => options.Policy = "prefer sliced",
            more: more => more.AddLatentSyncAttention(options => options.Policy += ", forbid torch-math")
        );
        Assert.Single(services.GetServices<AttentionDispatcher>());
        Assert.Equal("prefer sliced, forbid torch-math", services.GetRequiredService<AttentionDispatcher>().Policy.ToString());
    }

    [Fact]
    public void Options_InAConfigurationSection_AreBound()
    {
        IConfiguration configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(
                new Dictionary<string, string?>
                {
                    ["LatentSync:Attention:Policy"] = "forbid torch-flash",
                    ["LatentSync:Attention:Language"] = "en",
                }
            )
            .Build();
        using ServiceProvider services = TestServices.Build(more: more =>
            more.Configure<AttentionServiceOptions>(configuration.GetSection(AttentionServiceOptions.Section))
        );
        Audience before = Audience.Default;
        try
        {
            Assert.Equal(Policy.Forbid("torch-flash"), services.GetRequiredService<AttentionDispatcher>().Policy);
            Assert.Equal(Language.English, Audience.Current.Language);
        }
        finally
        {
            Audience.Default = before;
        }
    }

    [Theory]
    [InlineData("prefer torch-fash", null, "Policy: The attention policy \"prefer torch-fash\" cannot be read")]
    [InlineData(null, "klingon", "Language: \"klingon\" is not a language")]
    public void Options_Misspelt_AreRefusedByName(string? policy, string? language, string message)
    {
        using ServiceProvider services = TestServices.Build(configure: options => (options.Policy, options.Language) = (policy, language));
        var exception = Assert.Throws<OptionsValidationException>(() => services.GetRequiredService<AttentionDispatcher>());
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Log_DispatcherMade_SaysWithWhat()
    {
        var log = new RecordingLoggerProvider();
        using ServiceProvider services = TestServices.Build(log, options => options.Policy = "prefer torch-math");
        services.GetRequiredService<AttentionDispatcher>();
        LogEntry ready = Assert.Single(log.Entries, entry => entry.Id.Id == 9002);
        Assert.Equal((AttentionTelemetry.Name, LogLevel.Information, "AttentionReady"), (ready.Category, ready.Level, ready.Id.Name));
        Assert.Equal("prefer torch-math", ready.Fields["Policy"]);
    }

    [Fact]
    public void Log_KernelFails_OneWarningWithCodeAndCause()
    {
        using var scope = NewDisposeScope();
        var log = new RecordingLoggerProvider();
        var listener = new RecordingListener();
        var faulty = new ScriptedBackend(new TorchFlashBackend(), (_, _) => FallbackTests.Failure(FailureKind.NoKernel));
        using ServiceProvider services = TestServices.Build(
            log,
            TestServices.With(faulty, new TorchMathBackend()),
            more => more.AddSingleton<IAttentionListener>(listener)
        );
        var dispatcher = services.GetRequiredService<AttentionDispatcher>();
        Tensor query = randn(1, 2, 16, 24);

        for (int call = 0; call < 5; call++)
        {
            dispatcher.Run(query, query, query, layer: "unet");
        }

        LogEntry incident = Assert.Single(log.Entries, entry => entry.Id.Id == AttentionIncident.EventId);
        Assert.Equal((LogLevel.Warning, "AttentionIncident"), (incident.Level, incident.Id.Name));
        Assert.Equal(
            ("ATT0901", "torch-flash", "unet", "torch-math"),
            (incident.Fields["Code"], incident.Fields["Backend"], incident.Fields["Layer"], incident.Fields["Next"])
        );
        Assert.Contains("No available kernel", incident.Text, StringComparison.Ordinal);
        Assert.NotNull(incident.Exception);
        Assert.Single(listener.Incidents);
        Assert.Contains(log.Entries, entry => entry.Id.Id == 9003 && Equals(entry.Fields["Backend"], "torch-math"));
    }

    [Fact]
    public void Log_NoBackendLeft_IsAnError()
    {
        using var scope = NewDisposeScope();
        var log = new RecordingLoggerProvider();
        using ServiceProvider services = TestServices.Build(
            log,
            TestServices.With(new ScriptedBackend(new TorchMathBackend(), (_, _) => FallbackTests.Failure(FailureKind.NoKernel)))
        );
        Tensor query = randn(1, 2, 16, 24);
        Assert.Throws<AttentionUnavailableException>(() => services.GetRequiredService<AttentionDispatcher>().Run(query, query, query));
        LogEntry incident = Assert.Single(log.Entries, entry => entry.Id.Id == AttentionIncident.EventId);
        Assert.Equal((LogLevel.Error, "nothing"), (incident.Level, incident.Fields["Next"]));
    }

    [Fact]
    public void Listener_OfTheOptions_IsToldToo()
    {
        using var scope = NewDisposeScope();
        var own = new RecordingListener();
        var faulty = new ScriptedBackend(new TorchFlashBackend(), (_, _) => FallbackTests.Failure(FailureKind.Other));
        using ServiceProvider services = TestServices.Build(configure: options =>
            options.ConfigureDispatcher = built => built with { Backends = [faulty, new SlicedBackend()], Listener = own }
        );
        Tensor query = randn(1, 2, 16, 24);
        services.GetRequiredService<AttentionDispatcher>().Run(query, query, query);
        Assert.Single(own.Incidents);
    }
}
