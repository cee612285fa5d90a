using LatentSync.Foundation.Options;

namespace LatentSync.Models.Schedulers;

/// <summary>The schedulers that can be chosen; a new one is a class and a row here.</summary>
public static class NoiseSchedulers
{
    /// <summary>The original's first.</summary>
    public static IReadOnlyList<Choice<Func<SchedulerConfiguration, INoiseScheduler>>> All { get; } =
    [
        new("ddim", "the original's", configuration => new DdimScheduler(configuration)),
        new("dpm++", "second order: 10 steps look like 20", configuration => new DpmSolverPlusPlusScheduler(configuration)),
    ];
}
