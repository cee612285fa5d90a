using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Compute;
using LatentSync.Doctor.Layers;
using LatentSync.Doctor.Machines;
using static LatentSync.Doctor.Wording.DoctorWords;

namespace LatentSync.Doctor.Estimates;

/// <summary>What makes a run faster that takes long, and how long it takes then: for the verdict, so only the ways that bring
/// much.</summary>
internal static class FasterWays
{
    /// <summary>DeepCache computes the inner layers in every other step or less.</summary>
    private const double WithDeepCache = 0.5;

    /// <summary>A denoising step of the real network, in bfloat16 and in float32 (docs/benchmarks/whole-run.md).</summary>
    private const double WithBFloat16 = 25.0 / 53.0;

    /// <summary>The ways, the least effort first; each with the time of the verdict's clip.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="survey">What runs on it.</param>
    /// <param name="estimate">How long it takes.</param>
    public static IEnumerable<string> Of(Machine machine, LayerSurvey survey, SyncEstimate estimate)
    {
        double clip = WithDeepCache * estimate.SecondsOfClip;
        if (estimate.Device != "cpu")
        {
            GpuInfo gpu = machine.Gpus[survey.Device.Index];
            bool isHalfFaster = survey.DType == AttentionDType.Float32 && DeviceChoice.HasFastFloat16(machine, survey.Device);
            yield return isHalfFaster && !GpuCheck.GivesBlackPictures(gpu) && GpuSpeeds.Of(gpu, AttentionDType.Float16) is { } speed
                ? Say(
                    "faster.f16",
                    AboutText.Of(WithDeepCache * SyncEstimate.Of(speed, survey.Device, AttentionDType.Float16).SecondsOfClip)
                )
                : Say("faster.deepcache", AboutText.Of(clip));
            yield break;
        }
        yield return DeviceChoice.HasFastBFloat16(machine, AttentionDevice.Cpu)
            ? Say("faster.bf16", AboutText.Of(WithBFloat16 * clip))
            : Say("faster.deepcache", AboutText.Of(clip));
        if (machine.Gpus.FirstOrDefault(gpu => gpu.Maker == OtherGpus.Apple) is { } apple)
        {
            if ((AppleChip.Find(apple.Name) ?? AppleChip.Find(machine.Cpu.Name)) is { } chip)
            {
                AttentionDevice metal = new(AttentionDeviceKind.Mps, 0);
                yield return Say("faster.mps", AboutText.Of(SyncEstimate.Of(GpuSpeeds.Of(chip), metal).SecondsOfClip));
            }
        }
        else if (survey.FitsDevice && machine.Gpus.FirstOrDefault(gpu => gpu.ComputeCapability is not null) is { } idle)
        {
            yield return Say("faster.idleGpu", idle.Name);
        }
        else
        {
            yield return Say(survey.FitsDevice ? "faster.nvidia" : "faster.largerGpu");
        }
    }
}
