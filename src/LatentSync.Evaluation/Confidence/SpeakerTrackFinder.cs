using LatentSync.Foundation.Wording;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Faces.Tracking;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Evaluation.Confidence;

/// <summary>The stretches of a video in which one face is seen without a cut.</summary>
/// <remarks>
/// The original runs S3FD, cuts at PySceneDetect's shots and links boxes that overlap by half, over gaps of up to 25 frames, for every face
/// of the picture. Here the project's own detectors and <see cref="FaceTrack"/> do that: a cut is a face that jumps and stays, and one face
/// is followed, the largest unless told otherwise. Boxes, and with them the crops, are therefore not the same to the pixel.
/// </remarks>
internal sealed class SpeakerTrackFinder
{
    private const int LongestGap = 25;

    private readonly IFaceDetector _detector;
    private readonly SyncConfidenceOptions _options;

    public SpeakerTrackFinder(IFaceDetector detector, SyncConfidenceOptions options) => (_detector, _options) = (detector, options);

    /// <summary>Looks at every frame once.</summary>
    /// <param name="reader">The video.</param>
    /// <param name="frameDone">Told after each frame.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>Tracks that are long and large enough, in order; at least one.</returns>
    /// <exception cref="EvaluationException">There is none; says what was seen.</exception>
    public async Task<IReadOnlyList<SpeakerTrack>> FindAsync(
        VideoReader reader,
        Action<long>? frameDone,
        CancellationToken cancellationToken
    )
    {
        FaceTrack track = new(new FaceTrackOptions { FaceIndex = _options.FaceIndex, MaxGap = LongestGap });
        List<List<TrackedFace>> stretches = [];
        IReadOnlyList<DetectedFace> faces = [];
        long examined = -1,
            frames = 0;
        await foreach (
            (long index, VideoFrame frame) in ConstantRateFrames
                .ReadAsync(reader, cancellationToken: cancellationToken)
                .ConfigureAwait(false)
        )
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (frame.Index != examined)
            {
                faces = _detector.Detect(frame); // frames that are shown again are looked at once
                examined = frame.Index;
            }
            Add(stretches, track.Push(index, faces));
            frames = index + 1;
            frameDone?.Invoke(frames);
        }
        Add(stretches, track.Complete());
        SpeakerTrack[] all = [.. stretches.Select(stretch => new SpeakerTrack(stretch))];
        SpeakerTrack[] usable = [.. all.Where(t => t.Detections > _options.MinimumTrackFrames && t.Side > _options.MinimumFaceSide)];
        return usable.Length > 0 ? usable : throw NoTrack(reader.Media.Path, frames, track.MostFaces, all);
    }

    private static void Add(List<List<TrackedFace>> stretches, IReadOnlyList<TrackedFrame> decided)
    {
        foreach (TrackedFrame frame in decided)
        {
            if (frame.Face is not { } face)
            {
                continue;
            }
            if (
                stretches.Count == 0
                || stretches[^1][^1] is var last && (last.Segment != face.Segment || last.FrameIndex + 1 != face.FrameIndex)
            )
            {
                stretches.Add([]);
            }
            stretches[^1].Add(face);
        }
    }

    private EvaluationException NoTrack(string path, long frames, int mostFaces, SpeakerTrack[] all)
    {
        if (all.Length == 0 && mostFaces > 0 && _options.FaceIndex is { } index)
        {
            return new EvaluationException(FaceTrackOptions.TooFewFaces(index, mostFaces, path));
        }
        Sentence required =
            $"a face larger than {_options.MinimumFaceSide:0} pixels in more than {_options.MinimumTrackFrames} consecutive frames (at 25 per second) is required";
        Sentence found = all.MaxBy(t => t.Detections) is { } longest
            ? (Sentence)$"the longest of {all.Length} tracks has {longest.Detections} frames with a face of {longest.Side:0} pixels"
            : $"{_detector.Name} finds no face in its {frames} frames";
        return new EvaluationException(
            $"{path} has no face track that can be scored: {found}; {required}. Give a longer or larger video, or the faces with ⟦LandmarksPath FILE⟧."
        );
    }
}
