using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Doctor.Layers;

namespace LatentSync.Doctor.Estimates;

/// <summary>How long a lip-sync takes where it can run on a machine.</summary>
internal static class SyncEstimator
{
    /// <summary>The estimate of a machine that libtorch was loaded on; null when it cannot be measured.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="survey">What runs on it.</param>
    /// <param name="measure">Measures a device in an element type.</param>
    public static SyncEstimate? Measured(Machine machine, LayerSurvey survey, Func<AttentionDevice, AttentionDType, MachineSpeed> measure)
    {
        (AttentionDevice device, AttentionDType dtype) = Place(survey);
        try
        {
            MachineSpeed speed = measure(device, dtype);
            double? bandwidth =
                device.Kind == AttentionDeviceKind.Cuda && GpuSpeeds.PeakOf(machine.Gpus[device.Index]) is { } peak
                    ? 1e9 * peak.Gigabytes
                    : null;
            return SyncEstimate.Of(speed with { Bandwidth = speed.Bandwidth ?? bandwidth }, device, dtype);
        }
        catch (System.Runtime.InteropServices.ExternalException)
        {
            return null; // libtorch failed at it: a device that is taken or out of memory
        }
    }

    /// <summary>The estimate of a machine that nobody can measure on; null when too little is known of it.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="survey">What runs on it.</param>
    public static SyncEstimate? Calculated(Machine machine, LayerSurvey survey)
    {
        (AttentionDevice device, AttentionDType dtype) = Place(survey);
        MachineSpeed? speed =
            device.Kind == AttentionDeviceKind.Cuda ? GpuSpeeds.Of(machine.Gpus[device.Index], dtype) : CpuSpeeds.Of(machine.Cpu);
        return speed is null ? null : SyncEstimate.Of(speed, device, dtype);
    }

    /// <summary>Where the run fits: the default device, else the processor.</summary>
    private static (AttentionDevice Device, AttentionDType DType) Place(LayerSurvey survey) =>
        survey.FitsDevice ? (survey.Device, survey.DType) : (AttentionDevice.Cpu, AttentionDType.Float32);
}
