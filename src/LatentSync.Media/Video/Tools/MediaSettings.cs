namespace LatentSync.Media.Video.Tools;

/// <summary>The only place of this project that reads the environment.</summary>
internal static class MediaSettings
{
    /// <summary>Names ffmpeg's file, or the folder that holds ffmpeg and ffprobe.</summary>
    public const string FfmpegVariable = "LATENTSYNC_FFMPEG";

    /// <summary>Value of a variable; null when unset or empty.</summary>
    public static string? Read(string variable)
    {
#pragma warning disable RS0030 // this is the settings class of the layer
        string? value = Environment.GetEnvironmentVariable(variable);
#pragma warning restore RS0030
        return string.IsNullOrWhiteSpace(value) ? null : value;
    }
}
