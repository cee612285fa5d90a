using Microsoft.Extensions.Logging;

namespace LatentSync.Attention.Torch.Hosting;

/// <summary>Every log event of the attention layer, with its stable number. The category is "LatentSync.Attention".</summary>
internal static partial class AttentionLog
{
    /// <summary>A kernel failed: a warning while another one runs instead, an error when none is left.</summary>
    [LoggerMessage(
        EventId = 9001,
        EventName = "AttentionIncident",
        Message = "{Code} {Backend} failed on {Problem} (layer {Layer}): {Found} Next: {Next}. Remedy: {Remedy}."
    )]
    internal static partial void Incident(
        ILogger logger,
        LogLevel level,
        string code,
        string backend,
        string problem,
        string layer,
        string found,
        string next,
        string remedy,
        Exception exception
    );

    /// <summary>A dispatcher is ready.</summary>
    [LoggerMessage(
        EventId = 9002,
        EventName = "AttentionReady",
        Level = LogLevel.Information,
        Message = "Attention is ready: policy {Policy}, libtorch {LibTorch}, {Devices}."
    )]
    internal static partial void Ready(ILogger logger, string policy, string libTorch, string devices);

    /// <summary>A problem was met for the first time, or planned anew.</summary>
    [LoggerMessage(
        EventId = 9003,
        EventName = "AttentionPlanned",
        Level = LogLevel.Debug,
        Message = "Layer {Layer}: {Backend} runs {Problem}; after it {Order}."
    )]
    internal static partial void Planned(ILogger logger, string layer, string backend, string problem, string order);

    /// <summary>libtorch was loaded with a remark, for instance that its version is not the expected one.</summary>
    [LoggerMessage(EventId = 9004, EventName = "AttentionLibTorchWarning", Level = LogLevel.Warning, Message = "{Warning}")]
    internal static partial void LibTorchWarning(ILogger logger, string warning);
}
