using LatentSync.Foundation.Options;
using LatentSync.Models.Schedulers;

namespace LatentSync.Chunks;

/// <summary>What decides the pixels of a run's chunks beside their faces and their sound.</summary>
/// <param name="Identity">Which networks (names, sizes and times of their files, device, element type), and the value of every option that
/// is declared to change pixels: one that is new and not yet here cannot bring back old chunks.</param>
/// <param name="Resolution">Side R of the face pictures.</param>
/// <param name="Seed">Seed of the run's noise.</param>
/// <param name="InferenceSteps">Denoising steps.</param>
/// <param name="GuidanceScale">Classifier-free guidance.</param>
/// <param name="Scheduler">Name of a row of <see cref="NoiseSchedulers"/>.</param>
/// <param name="Prediction">What the network predicts.</param>
/// <param name="DeepCache">Deep features are reused.</param>
public sealed record ChunkSettings(
    string Identity,
    int Resolution,
    long Seed,
    int InferenceSteps,
    double GuidanceScale,
    string Scheduler,
    PredictionType Prediction,
    bool DeepCache
)
{
    private const int DeepCacheInterval = 3;

    /// <summary>Options of the generator.</summary>
    public ChunkGeneratorOptions Options =>
        new()
        {
            InferenceSteps = InferenceSteps,
            GuidanceScale = GuidanceScale,
            DeepCacheInterval = DeepCache ? DeepCacheInterval : null,
        };

    /// <summary>A scheduler with the released values.</summary>
    public INoiseScheduler CreateScheduler() =>
        NoiseSchedulers.All.Value(Scheduler)(SchedulerConfiguration.LatentSync with { PredictionType = Prediction });
}
