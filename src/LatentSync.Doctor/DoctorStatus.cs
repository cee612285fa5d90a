namespace LatentSync.Doctor;

/// <summary>How a check ended.</summary>
public enum DoctorStatus
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>The main job runs, but something could be better.</summary>
    Warning,

    /// <summary>The main job cannot run.</summary>
    Error,
}
