using LatentSync.Attention;
using LatentSync.Attention.Machines;
using LatentSync.Doctor.Layers;
using static LatentSync.Doctor.Wording.DoctorWords;

namespace LatentSync.Doctor;

/// <summary>What the answers about a machine, found or described, take for granted.</summary>
internal static class DoctorAssumptions
{
    public static IEnumerable<string> Of(Machine machine, LayerSurvey survey)
    {
        if (
            survey.Device.Kind == Attention.Problems.AttentionDeviceKind.Cuda
            && machine.OsFamily == OsFamily.Windows
            && LibTorchCatalog.HasFlashAttention(machine) is null
            && survey.Answers.Any(answer => answer.Backend == AttentionBackendNames.TorchFlash)
        )
        {
            yield return Say("assumed.windowsFlash");
        }
    }
}
