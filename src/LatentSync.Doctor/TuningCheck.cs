using LatentSync.Attention.Machines;
using LatentSync.Attention.Torch.Tuning;
using LatentSync.Doctor.Wording;

namespace LatentSync.Doctor;

/// <summary>Says when the order of the attention backends was measured on this machine, or why a measured order is not used.</summary>
internal static class TuningCheck
{
    /// <summary>null when nothing was measured: the built-in order is the ordinary case.</summary>
    /// <param name="machine">The machine.</param>
    public static DoctorCheck? Of(Machine machine)
    {
        TunedRanking tuned = TunedRanking.Load(machine);
        return tuned.Warning is { } warning ? DoctorCheck.Warning("tuning", warning, DoctorWords.SayEach("tuning.do"))
            : tuned.IsUsed ? DoctorCheck.Ok("tuning", tuned.Describe())
            : null;
    }
}
