using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Selection;
using Microsoft.Extensions.Logging;

namespace LatentSync.Attention.Torch.Hosting;

/// <summary>Writes a dispatcher's incidents and plans to a log.</summary>
internal sealed class LoggingAttentionListener(ILogger logger) : IAttentionListener
{
    private const string Unnamed = "unnamed",
        Nothing = "nothing";

    public void OnIncident(AttentionIncident incident) =>
        AttentionLog.Incident(
            logger,
            incident.Next is null ? LogLevel.Error : LogLevel.Warning,
            incident.Reason.Code,
            incident.Backend,
            incident.Problem.Describe(),
            incident.Layer ?? Unnamed,
            incident.Reason.Found,
            incident.Next ?? Nothing,
            incident.Reason.Remedy,
            incident.Exception
        );

    public void OnPlanned(Plan plan, string? layer)
    {
        if (logger.IsEnabled(LogLevel.Debug))
        {
            string order = plan.Order.Count == 0 ? Nothing : string.Join(", ", plan.Order);
            AttentionLog.Planned(logger, layer ?? Unnamed, plan.Chosen ?? Nothing, plan.Problem.Describe(), order);
        }
    }
}

/// <summary>Tells several listeners, in order.</summary>
internal sealed class AttentionListeners(IReadOnlyList<IAttentionListener> listeners) : IAttentionListener
{
    public void OnIncident(AttentionIncident incident)
    {
        foreach (IAttentionListener listener in listeners)
        {
            listener.OnIncident(incident);
        }
    }

    public void OnPlanned(Plan plan, string? layer)
    {
        foreach (IAttentionListener listener in listeners)
        {
            listener.OnPlanned(plan, layer);
        }
    }
}
