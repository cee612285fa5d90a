using static LatentSync.Doctor.Wording.DoctorWords;

namespace LatentSync.Doctor;

/// <summary>The checks of programs and models that come from outside.</summary>
internal static class ToolChecks
{
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
            return (null, DoctorCheck.Error("ffmpeg", Say("ffmpeg.unusable", failure.Message), SayEach("ffmpeg.do")));
        }
        if (found is null)
        {
            return (null, DoctorCheck.Error("ffmpeg", Say("ffmpeg.missing"), SayEach("ffmpeg.do")));
        }
        string name = $"ffmpeg {found.Version} ({found.FfmpegPath})";
        if (found.FfprobePath is null)
        {
            return (found, DoctorCheck.Error("ffmpeg", Say("ffmpeg.noProbe", name), SayEach("ffmpeg.do")));
        }
        string[] missing = NeededEncoders.Where(encoder => !found.Encoders.GetValueOrDefault(encoder)).ToArray();
        return missing.Length == 0
            ? (
                found,
                DoctorCheck.Ok(
                    "ffmpeg",
                    Say("ffmpeg.ok", name, string.Join(", ", found.Encoders.Where(encoder => encoder.Value).Select(encoder => encoder.Key)))
                )
            )
            : (found, DoctorCheck.Error("ffmpeg", Say("ffmpeg.lacks", name, string.Join(", ", missing)), SayEach("ffmpeg.lacks.do")));
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
            return DoctorCheck.Warning("faces", Say("faces.unlisted", failure.Message), SayEach("faces.landmarks.do"));
        }
        string[] present = found.Where(detector => detector.Available).Select(detector => $"{detector.Name} ({detector.Detail})").ToArray();
        if (present.Length > 0)
        {
            return DoctorCheck.Ok("faces", string.Join(", ", present));
        }
        return found.FirstOrDefault(detector => detector.Remedy is not null)?.Remedy is { } remedy
            ? DoctorCheck.Warning("faces", Say("faces.none"), remedy)
            : DoctorCheck.Warning("faces", Say("faces.none"), SayEach("faces.landmarks.do"));
    }
}
