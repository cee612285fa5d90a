using LatentSync.Attention.Torch.Hosting;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Attention in the health report.</summary>
public static class AttentionHealthChecksBuilderExtensions
{
    /// <summary>Adds a check of the attention that <c>AddLatentSyncAttention()</c> registered (it registers it where that was forgotten).
    /// Healthy: a fused kernel runs on every device, or what the policy asks for. Degraded: only the standard path runs, or a backend was
    /// set aside after failures. Unhealthy: nothing runs, or libtorch cannot be loaded. The data name the chosen backend and every
    /// verdict. Nothing is computed.</summary>
    /// <param name="builder">The health checks.</param>
    /// <param name="name">Name in the report.</param>
    /// <param name="failureStatus">What to report instead of Unhealthy; null for Unhealthy.</param>
    /// <param name="tags">Tags of the check; null for none.</param>
    /// <param name="timeout">How long it may take; null for the host's limit. The first one loads libtorch, about a second.</param>
    /// <returns>The health checks.</returns>
    public static IHealthChecksBuilder AddLatentSyncAttention(
        this IHealthChecksBuilder builder,
        string name = "latentsync-attention",
        HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null,
        TimeSpan? timeout = null
    )
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddLatentSyncAttention();
        return builder.Add(new HealthCheckRegistration(name, services => new AttentionHealthCheck(services), failureStatus, tags, timeout));
    }
}
