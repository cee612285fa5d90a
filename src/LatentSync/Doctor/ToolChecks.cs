namespace LatentSync.Doctor;

/// <summary>The checks of programs and models that come from outside.</summary>
internal static class ToolChecks
{
    private const string InstallFfmpeg = "apt-get install ffmpeg (Debian, Ubuntu), dnf install ffmpeg (Fedora), brew install ffmpeg (macOS), winget install ffmpeg (Windows); or give one by LATENTSYNC_FFMPEG";

    /// <summary>Encoders without which no result can be written.</summary>
    private static readonly string[] NeededEncoders = ["libx264", "aac"];

    /// <summary>Asks for ffmpeg.</summary>
    public static (FfmpegFinding? Found, DoctorCheck Check) Ffmpeg(Func<FfmpegFinding?> find)
    {
        FfmpegFinding? found;
        try
        {
            found = find();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // Whatever the media layer reports is the finding: the doctor must go on to the other checks.
            return (null, DoctorCheck.Error("ffmpeg", $"ffmpeg cannot be used: {failure.Message}", InstallFfmpeg));
        }
        if (found is null)
        {
            return (null, DoctorCheck.Error("ffmpeg", "ffmpeg was not found.", InstallFfmpeg));
        }
        string name = $"ffmpeg {found.Version} ({found.FfmpegPath})";
        if (found.FfprobePath is null)
        {
            return (found, DoctorCheck.Error("ffmpeg", $"{name} has no ffprobe beside it.", InstallFfmpeg));
        }
        string[] missing = NeededEncoders.Where(encoder => !found.Encoders.GetValueOrDefault(encoder)).ToArray();
        return missing.Length == 0
            ? (found, DoctorCheck.Ok("ffmpeg", $"{name}, encodes {string.Join(" and ", NeededEncoders)}"))
            : (found, DoctorCheck.Error("ffmpeg", $"{name} lacks the encoder {string.Join(" and ", missing)}.", "install a complete build of ffmpeg (the distribution's own, or a static build)"));
    }

    /// <summary>Asks for face detectors.</summary>
    public static DoctorCheck Detectors(Func<IReadOnlyList<DetectorFinding>> find)
    {
        IReadOnlyList<DetectorFinding> found;
        try
        {
            found = find();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            // As above: another layer's failure is this check's result.
            return DoctorCheck.Warning("faces", $"The face detectors cannot be listed: {failure.Message}", "give the landmarks by --landmarks FILE");
        }
        string[] present = found.Where(detector => detector.Available).Select(detector => $"{detector.Name} ({detector.Detail})").ToArray();
        if (present.Length > 0)
        {
            return DoctorCheck.Ok("faces", string.Join(", ", present));
        }
        string remedy = found.FirstOrDefault(detector => detector.Remedy is not null)?.Remedy ?? "give the landmarks by --landmarks FILE";
        return DoctorCheck.Warning("faces", "No face detector's model is present: sync needs landmarks from a file; the demo runs.", remedy);
    }
}
