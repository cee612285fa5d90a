using LatentSync.Attention.Dispatch;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Foundation.Wording;
using LatentSync.Platform.LibTorch;
using LatentSync.Platform.Machines;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace LatentSync.Attention.Torch.Hosting;

/// <summary>Makes the dispatcher of a service container: loads libtorch, examines the machine, joins the listeners.</summary>
internal sealed class AttentionDispatcherFactory(
    IOptions<AttentionServiceOptions> options,
    IEnumerable<IAttentionListener> listeners,
    ILoggerFactory? loggers = null
)
{
    /// <summary>A new dispatcher.</summary>
    /// <exception cref="OptionsValidationException">A text of the options cannot be read.</exception>
    /// <exception cref="Platform.Loading.NativeLoadException">libtorch cannot be loaded.</exception>
    internal AttentionDispatcher Create()
    {
        AttentionServiceOptions wanted = options.Value;
        if (wanted.Language is not null)
        {
            Audience.Default = Audience.Default with { Language = Languages.Parse(wanted.Language) };
        }
        LibTorchLoad libTorch = TorchRuntime.EnsureLoaded(
            wanted is { LibTorchFolder: null, CacheFolder: null }
                ? null
                : new LibTorchOptions { Folder = wanted.LibTorchFolder, CacheFolder = wanted.CacheFolder }
        );
        var built = new AttentionDispatcherOptions
        {
            Machine = new MachineExaminer { LibTorchFolder = libTorch.IsExternal ? libTorch.Folder : null }
                .Examine()
                .Machine,
            Policy = wanted.Policy is null ? AttentionSettings.ReadPolicy() : Policy.Parse(wanted.Policy, AttentionRules.BackendNames),
            SelfTest = wanted.SelfTest,
        };
        built = wanted.ConfigureDispatcher?.Invoke(built) ?? built;
        IEnumerable<IAttentionListener> heard = built.Listener is null ? listeners : listeners.Append(built.Listener);
        ILogger? logger = loggers?.CreateLogger(AttentionTelemetry.Name);
        if (logger is not null)
        {
            heard = heard.Prepend(new LoggingAttentionListener(logger));
        }
        var dispatcher = new AttentionDispatcher(built with { Listener = new AttentionListeners([.. heard]) });
        HostedAttention.Made(dispatcher);
        if (logger is not null)
        {
            Announce(logger, dispatcher, libTorch);
        }
        return dispatcher;
    }

    private static void Announce(ILogger logger, AttentionDispatcher dispatcher, LibTorchLoad libTorch)
    {
        foreach (string warning in libTorch.Warnings)
        {
            AttentionLog.LibTorchWarning(logger, warning);
        }
        if (logger.IsEnabled(LogLevel.Information))
        {
            string devices = string.Join(", ", dispatcher.Machine.Gpus.Select(gpu => gpu.Name).Prepend(dispatcher.Machine.Cpu.Name));
            AttentionLog.Ready(
                logger,
                dispatcher.Policy.ToString(),
                $"{libTorch.Version ?? "of unknown version"} {libTorch.Flavor}",
                devices
            );
        }
    }
}
