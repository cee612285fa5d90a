using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Video.Writing;

/// <summary>How joining a picture and its speech went.</summary>
/// <param name="ExitCode">The joining ffmpeg's.</param>
/// <param name="Errors">Its messages.</param>
/// <param name="SoundEnd">End of the sound that was decoded, in seconds on the axis; null when packets were copied.</param>
/// <param name="Notes">What became of the video's further tracks.</param>
internal sealed record JoinedSpeech(int ExitCode, ErrorTail Errors, double? SoundEnd, IReadOnlyList<string> Notes)
{
    /// <summary>ffmpeg found no room for the file, even where it ended as if all were well.</summary>
    public bool IsDiskFull => Errors.TellsOfAFullDisk;
}
