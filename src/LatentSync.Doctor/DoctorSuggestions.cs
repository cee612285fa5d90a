using LatentSync.Attention.Failures;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Compute;
using LatentSync.Doctor.Layers;
using static LatentSync.Doctor.Wording.DoctorWords;

namespace LatentSync.Doctor;

/// <summary>What would make LatentSync better on a machine, beyond the remedies of the checks; the least effort first.</summary>
internal static class DoctorSuggestions
{
    private const int Volta = 70,
        Ampere = 80;

    public static IEnumerable<DoctorSuggestion> Of(Machine machine, LayerSurvey survey)
    {
        bool onGpu = survey.Device.Kind == AttentionDeviceKind.Cuda && survey.FitsDevice;
        if (!onGpu)
        {
            return OnCpu(machine);
        }
        GpuInfo gpu = machine.Gpus[survey.Device.Index];
        return OnGpu(machine, gpu, GpuArchitectures.TryParse(gpu.ComputeCapability, out int capability) ? capability : 0, survey);
    }

    private static IEnumerable<DoctorSuggestion> OnCpu(Machine machine)
    {
        if (DeviceChoice.HasFastBFloat16(machine, AttentionDevice.Cpu))
        {
            yield return new DoctorSuggestion(Say("better.bf16"), RemedyEffort.Option);
        }
        yield return new DoctorSuggestion(Say("better.deepcache"), RemedyEffort.Option);
        if (machine.Gpus.Any(gpu => GpuArchitectures.TryParse(gpu.ComputeCapability, out int capability) && capability < Ampere))
        {
            yield return new DoctorSuggestion(Say("better.ampere"), RemedyEffort.Hardware);
        }
        if (machine.Gpus.All(gpu => gpu.ComputeCapability is null))
        {
            yield return new DoctorSuggestion(
                Say("better.gpu", ByteText.Of(RoundedUp(LayerSurveyor.NeededBytes(256, AttentionDType.Float16)))),
                RemedyEffort.Hardware
            );
        }
    }

    private static IEnumerable<DoctorSuggestion> OnGpu(Machine machine, GpuInfo gpu, int capability, LayerSurvey survey)
    {
        NetworkMemory small = survey.Memory.First(memory => memory.Resolution == 256),
            large = survey.Memory.First(memory => memory.Resolution == 512);
        long half = LayerSurveyor.NeededBytes(512, AttentionDType.Float16);
        bool mayHalve = survey.DType == AttentionDType.Float32 && !GpuCheck.GivesBlackPictures(gpu);
        if (small.Fits && !large.Fits)
        {
            string other = mayHalve && half <= large.AvailableBytes ? Say("better.512half", ByteText.Of(half)) : "";
            yield return new DoctorSuggestion(
                Say("better.512", ByteText.Of(large.NeededBytes), ByteText.Of(large.AvailableBytes!.Value), other),
                RemedyEffort.Option
            );
        }
        if (mayHalve)
        {
            // Maxwell and consumer Pascal multiply halves slowly or not at all; P100, Volta and Turing do it well.
            string key = capability is 60 or >= Volta ? "better.f16" : "better.f16slow";
            yield return new DoctorSuggestion(Say(key), RemedyEffort.Option);
        }
        yield return new DoctorSuggestion(Say("better.deepcache"), RemedyEffort.Option);
        if (capability is > 0 and < Ampere)
        {
            yield return new DoctorSuggestion(Say("better.ampere"), RemedyEffort.Hardware);
        }
        else if (LibTorchCatalog.HasFlashAttention(machine) == false && machine.OsFamily == OsFamily.Windows)
        {
            yield return new DoctorSuggestion(Say("better.windows"), RemedyEffort.Installation);
        }
    }

    private static long RoundedUp(long bytes) => (bytes + (1L << 30) - 1) >> 30 << 30;
}
