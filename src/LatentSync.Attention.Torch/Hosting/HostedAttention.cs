using LatentSync.Attention.Machines;
using LatentSync.Attention.Rules;
using Microsoft.Extensions.DependencyInjection;

namespace LatentSync.Attention.Torch.Hosting;

/// <summary>What <c>services.AddLatentSyncAttention()</c> has last said in this process, for callers that make a dispatcher of their own
/// and were given none: one program, one policy.</summary>
internal static class HostedAttention
{
    private static readonly Lock Gate = new();
    private static AttentionDispatcher? _made;
    private static WeakReference<IServiceCollection>? _services;
    private static Action<AttentionServiceOptions>? _configure;

    /// <summary>Services were configured; no dispatcher has been made from them yet.</summary>
    internal static void Register(IServiceCollection services, Action<AttentionServiceOptions>? configure)
    {
        lock (Gate)
        {
            bool isSame = _services?.TryGetTarget(out IServiceCollection? known) == true && ReferenceEquals(known, services);
            (_made, _services) = (null, isSame ? _services : new WeakReference<IServiceCollection>(services));
            _configure = isSame ? _configure + configure : configure;
        }
    }

    /// <summary>A container made its dispatcher, with all that it was configured with.</summary>
    internal static void Made(AttentionDispatcher dispatcher)
    {
        lock (Gate)
        {
            _made = dispatcher;
        }
    }

    /// <summary>What a dispatcher like the program's is built from; null when nothing was said. Before the container has made its own,
    /// options that only its configuration sections hold are not known.</summary>
    /// <param name="machine">The machine as it was examined.</param>
    internal static AttentionDispatcherOptions? Options(Machine machine)
    {
        lock (Gate)
        {
            if (_made is not null || _configure is null)
            {
                return _made?.Options;
            }
            var wanted = new AttentionServiceOptions();
            _configure(wanted);
            var built = new AttentionDispatcherOptions
            {
                Machine = machine,
                Policy = wanted.Policy is null ? AttentionSettings.ReadPolicy() : Policy.Parse(wanted.Policy, AttentionRules.BackendNames),
                SelfTest = wanted.SelfTest,
            };
            return wanted.ConfigureDispatcher?.Invoke(built) ?? built;
        }
    }

    /// <summary>For tests: as if nothing had been said.</summary>
    internal static void Forget()
    {
        lock (Gate)
        {
            (_made, _services, _configure) = (null, null, null);
        }
    }
}
