using LatentSync.Media.Faces.Tracking;

namespace LatentSync.Evaluation.Confidence;

/// <summary>One face in consecutive frames of 1/25 s.</summary>
/// <param name="Faces">One a frame; <see cref="TrackedFace.FrameIndex"/> rises by 1.</param>
internal sealed record SpeakerTrack(IReadOnlyList<TrackedFace> Faces)
{
    public long FirstFrame => Faces[0].FrameIndex;

    public int FrameCount => Faces.Count;

    /// <summary>Frames in which the face was detected, not interpolated.</summary>
    public int Detections => Faces.Count(face => !face.Interpolated);

    /// <summary>The larger of the boxes' mean width and mean height.</summary>
    public double Side => Math.Max(Faces.Average(face => face.Box.Width), Faces.Average(face => face.Box.Height));

    /// <summary>The sound of these frames: 640 samples each, fewer where the recording ends before.</summary>
    public ReadOnlySpan<float> SoundOf(ReadOnlySpan<float> samples)
    {
        int start = (int)Math.Min(samples.Length, FirstFrame * SamplesPerFrame);
        return samples.Slice(start, (int)Math.Min(samples.Length - start, (long)FrameCount * SamplesPerFrame));
    }

    public const int SamplesPerFrame = 16000 / ConstantRateFrames.FrameRate;
}
