using LatentSync.Chunks;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Masks;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Run;

/// <summary>What every stage of one run works with.</summary>
/// <param name="Options">What was asked.</param>
/// <param name="Settings">What was settled from it and the checkpoint's configuration.</param>
/// <param name="Tools">ffmpeg.</param>
/// <param name="Speech">The new speech.</param>
/// <param name="Clock">Output frames and network frames on one axis.</param>
/// <param name="Template">The aligned face's geometry.</param>
/// <param name="Mask">What is kept of it.</param>
/// <param name="Times">Where the seconds go.</param>
/// <param name="Progress">Told of every stage; null: nobody listens.</param>
internal sealed record RunContext(
    SyncOptions Options,
    SyncSettings Settings,
    FfmpegTools Tools,
    Speech Speech,
    FrameClock Clock,
    FaceTemplate Template,
    FaceMask Mask,
    StageTimes Times,
    IProgress<SyncProgress>? Progress
);
