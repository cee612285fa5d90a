using LatentSync.Media.Video.Reading;
using LatentSync.Models.SyncNets;

namespace LatentSync.Evaluation.Confidence;

/// <summary>A network that says how well a face and a sound belong together.</summary>
internal interface ISyncJudge : IDisposable
{
    /// <summary>The network and its file, for reports.</summary>
    string Name { get; }

    /// <summary>Frames that a track must have for one window.</summary>
    int WindowFrames { get; }

    /// <summary>Judges one track.</summary>
    /// <param name="track">The face.</param>
    /// <param name="frames">The frames of the track in order; each picture is valid until the next step.</param>
    /// <param name="samples">The sound of the whole video, 16 kHz.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>The score and how many windows of pictures it rests on; null when the sound is too short for one.</returns>
    Task<(SyncScore Score, int Windows)?> JudgeAsync(
        SpeakerTrack track,
        IAsyncEnumerable<(long Index, VideoFrame Frame)> frames,
        ReadOnlyMemory<float> samples,
        CancellationToken cancellationToken
    );
}
