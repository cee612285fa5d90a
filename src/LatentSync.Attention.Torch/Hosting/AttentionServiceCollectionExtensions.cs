using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Hosting;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Attention as a service.</summary>
public static class AttentionServiceCollectionExtensions
{
    /// <summary>Registers one <see cref="AttentionDispatcher"/> for the container. It is made, and libtorch loaded, when it is first asked
    /// for: ask for it before the first tensor. Failures of kernels go to the log (category "LatentSync.Attention", event 9001) and to
    /// every registered <see cref="IAttentionListener"/>. Calling it again only adds the configuration. A <c>LipSyncPipeline</c> of the
    /// same program follows the policy, whether the container makes it or not.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets options; null for the defaults.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddLatentSyncAttention(
        this IServiceCollection services,
        Action<AttentionServiceOptions>? configure = null
    )
    {
        ArgumentNullException.ThrowIfNull(services);
        OptionsBuilder<AttentionServiceOptions> options = services.AddOptions<AttentionServiceOptions>();
        if (configure is not null)
        {
            options.Configure(configure);
        }
        HostedAttention.Register(services, configure);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<AttentionServiceOptions>, AttentionServiceOptionsCheck>());
        services.TryAddSingleton(provider =>
            new AttentionDispatcherFactory(
                provider.GetRequiredService<IOptions<AttentionServiceOptions>>(),
                provider.GetServices<IAttentionListener>(),
                provider.GetService<ILoggerFactory>()
            ).Create()
        );
        return services;
    }
}
