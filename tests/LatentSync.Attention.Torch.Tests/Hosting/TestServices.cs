using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace LatentSync.Attention.Torch.Tests.Hosting;

/// <summary>Containers of the tests.</summary>
internal static class TestServices
{
    internal static ServiceProvider Build(
        RecordingLoggerProvider? log = null,
        Action<AttentionServiceOptions>? configure = null,
        Action<IServiceCollection>? more = null
    )
    {
        var services = new ServiceCollection();
        services.AddLogging(logging =>
        {
            logging.SetMinimumLevel(LogLevel.Debug);
            if (log is not null)
            {
                logging.AddProvider(log);
            }
        });
        services.AddLatentSyncAttention(configure);
        services.AddHealthChecks().AddLatentSyncAttention();
        more?.Invoke(services);
        return services.BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true, ValidateScopes = true });
    }

    /// <summary>Options whose dispatcher has these backends.</summary>
    internal static Action<AttentionServiceOptions> With(params IAttentionBackend[] backends) =>
        options => options.ConfigureDispatcher = built => built with { Backends = backends };
}
