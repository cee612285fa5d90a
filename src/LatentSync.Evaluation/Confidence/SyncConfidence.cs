using LatentSync.Compute;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using LatentSync.Media;
using LatentSync.Media.Audio;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;
using LatentSync.Models.SyncNets;
using LatentSync.Platform.Machines;
using static TorchSharp.torch;

namespace LatentSync.Evaluation.Confidence;

/// <summary>Measures how well the lips of any video follow its sound.</summary>
/// <remarks>The original's evaluation, with this project's face detection and tracking in place of S3FD and shot detection: see
/// docs/evaluation.md.</remarks>
public sealed class SyncConfidence : IDisposable
{
    private const string StableName = "stable_syncnet.pt";

    private static readonly string[] PublishedNames = [Path.Combine("auxiliary", "syncnet_v2.model"), "syncnet_v2.model"];

    private readonly ISyncJudge _judge;

    private SyncConfidence(ISyncJudge judge) => _judge = judge;

    /// <summary>The network that judges, with its file.</summary>
    public string Network => _judge.Name;

    /// <summary>Judges by the SyncNet of Chung and Zisserman: the field's figures, to be compared with published ones.</summary>
    /// <param name="path">syncnet_v2.model.</param>
    /// <param name="device">Where the network runs.</param>
    /// <exception cref="Models.Loading.CheckpointMismatchException">The file holds another network.</exception>
    /// <exception cref="Checkpoints.CheckpointFormatException">The file is damaged.</exception>
    public static SyncConfidence BySyncNet(string path, Device device) =>
        new(new SyncNetV2Judge(SyncNetV2Checkpoint.Load(path, device), path));

    /// <summary>Judges by a StableSyncNet: offsets by its cosines, and a confidence that is only comparable with itself.</summary>
    /// <param name="path">stable_syncnet.pt or a file of the same layout.</param>
    /// <param name="configuration">The shape; null finds the preset that the file belongs to.</param>
    /// <param name="device">Where the network runs.</param>
    /// <param name="dtype">Element type to compute in.</param>
    /// <exception cref="EvaluationException">The network sees latents.</exception>
    /// <exception cref="Models.Loading.CheckpointMismatchException">The file holds another network.</exception>
    /// <exception cref="Checkpoints.CheckpointFormatException">The file is damaged.</exception>
    public static SyncConfidence ByStableSyncNet(
        string path,
        SyncNetConfiguration? configuration,
        Device device,
        ScalarType dtype = ScalarType.Float32
    )
    {
        StableSyncNet network = SyncNetCheckpoint.Open(path, configuration, dtype, device);
        try
        {
            return new SyncConfidence(new StableSyncNetJudge(network, path));
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Opens the network that the options name.</summary>
    /// <param name="options">Files and device. libtorch must be loaded.</param>
    /// <exception cref="EvaluationException">No network is named, or the folder holds none.</exception>
    /// <exception cref="Models.Loading.CheckpointMismatchException">The file holds another network.</exception>
    /// <exception cref="Checkpoints.CheckpointFormatException">The file is damaged.</exception>
    public static SyncConfidence Open(SyncJudgeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        (string? published, string? stable) = (options.SyncNetPath, options.StableSyncNetPath);
        if (published is null && stable is null && options.CheckpointFolder is { } folder)
        {
            published = PublishedNames.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
            stable = Path.Combine(folder, StableName);
            stable = published is null && File.Exists(stable) ? stable : null;
        }
        if (published is null && stable is null)
        {
            throw new EvaluationException(
                options.CheckpointFolder is null
                    ? (Sentence)"No scoring network given. Give ⟦SyncNetPath FILE⟧ (syncnet_v2.model) or ⟦StableSyncNetPath FILE⟧."
                    : $"No scoring network: {PrintableText.Quote(options.CheckpointFolder)} has neither {PublishedNames[0]} nor {StableName}. Give ⟦SyncNetPath FILE⟧ (syncnet_v2.model) or ⟦StableSyncNetPath FILE⟧."
            );
        }
        RequireFile("⟦SyncNetPath⟧", options.SyncNetPath);
        RequireFile("⟦StableSyncNetPath⟧", options.StableSyncNetPath);
        Device device = ComputePlan.Choose(options.Device, "f32", new MachineExaminer().Examine().Machine).Device;
        return published is not null
            ? BySyncNet(published, device)
            : ByStableSyncNet(
                stable!,
                options.StableSyncNetConfigurationPath is { } path ? SyncNetConfiguration.FromFile(path) : null,
                device
            );
    }

    private static void RequireFile(string option, string? path)
    {
        try
        {
            _ = path is null ? null : InputFile.Require(path);
        }
        catch (InputFileException exception)
        {
            throw new EvaluationException($"The network {option} {path} {exception.Problem}.", exception);
        }
    }

    /// <summary>Measures one video.</summary>
    /// <param name="options">What to measure.</param>
    /// <param name="progress">Told of frames looked at, then of tracks judged; null: not told.</param>
    /// <param name="cancellationToken">Stops at the next frame or window.</param>
    /// <exception cref="EvaluationException">No face is seen long and large enough, or the sound is too short.</exception>
    /// <exception cref="MediaException">The video or the sound cannot be read.</exception>
    /// <exception cref="FaceException">There is no face detector, or it fails.</exception>
    public async Task<SyncConfidenceReport> MeasureAsync(
        SyncConfidenceOptions options,
        IProgress<SyncConfidenceProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(options);
        FfmpegTools tools = await FfmpegTools.LocateAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        string audioPath = options.AudioPath ?? options.VideoPath;
        MediaSource source = await MediaSource.OpenAsync(options.VideoPath, audioPath, tools, cancellationToken).ConfigureAwait(false);
        VideoReader reader = new(source.Picture, tools, source.Timeline);
        (float[] samples, IReadOnlyList<string> damage, IReadOnlyList<string> notes) = await AudioReader
            .ReadAsync(source.Sound, tools, timeline: source.Timeline, cancellationToken: cancellationToken)
            .ConfigureAwait(false);
        FaceDetectorChoice choice = FaceDetectorFactory.Create(options.Detector, options.Faces);
        using IFaceDetector detector = choice.Detector;
        string? detectorNote = await detector.PrepareAsync(reader, cancellationToken).ConfigureAwait(false);
        SpeakerTrackFinder finder = new(detector, options);
        IReadOnlyList<SpeakerTrack> tracks = await finder
            .FindAsync(reader, frames => progress?.Report(new SyncConfidenceProgress("finding faces", frames, null)), cancellationToken)
            .ConfigureAwait(false);
        List<SyncTrackScore> scores = [];
        List<string> warnings =
        [
            .. choice.Reasons.Select(reason => Sentence.Say($"A better face detector is not available: {reason}.")),
            .. reader.Warnings,
            .. damage,
            .. reader.Notes,
            .. notes,
            .. detectorNote is null ? Array.Empty<string>() : [detectorNote],
        ];
        long judged = 0,
            all = tracks.Sum(track => (long)track.FrameCount);
        foreach (SpeakerTrack track in tracks)
        {
            progress?.Report(new SyncConfidenceProgress("judging", judged, all));
            judged += track.FrameCount;
            IAsyncEnumerable<(long, VideoFrame)> frames = ConstantRateFrames.ReadAsync(
                reader,
                track.FirstFrame,
                track.FrameCount,
                cancellationToken
            );
            if (await _judge.JudgeAsync(track, frames, samples, cancellationToken).ConfigureAwait(false) is var (score, windows))
            {
                scores.Add(new SyncTrackScore(track.FirstFrame, track.FrameCount, track.Side, windows, score.Offset, score.Confidence));
            }
            else
            {
                warnings.Add(
                    Sentence.Say(
                        $"The track at frame {track.FirstFrame} was left out: the sound covers fewer than {_judge.WindowFrames} of its frames."
                    )
                );
            }
        }
        progress?.Report(new SyncConfidenceProgress("judging", judged, all));
        if (scores.Count == 0)
        {
            throw new EvaluationException(
                $"No track of {options.VideoPath} has sound: {audioPath} ends after {samples.Length / 16000.0:0.00} s. Give a longer recording with ⟦AudioPath FILE⟧."
            );
        }
        return new SyncConfidenceReport(
            options.VideoPath,
            audioPath,
            Network,
            detector.Describe(),
            (int)scores.Average(score => score.OffsetFrames),
            scores.Average(score => score.Confidence),
            scores,
            warnings
        );
    }

    /// <summary>Frees the network.</summary>
    public void Dispose() => _judge.Dispose();
}
