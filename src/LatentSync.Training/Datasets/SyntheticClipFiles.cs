using System.Runtime.CompilerServices;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Audio;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Faces.Tracking;
using LatentSync.Media.Synthesis;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;
using LatentSync.Media.Video.Writing;
using LatentSync.Run;

namespace LatentSync.Training.Datasets;

/// <summary>The files of one drawn clip.</summary>
internal sealed class SyntheticClipFiles
{
    /// <summary>x264's constant rate factor of aligned faces, as in the original's preprocessing.</summary>
    private const int FaceCrf = 13;

    /// <summary>As the pipeline's results.</summary>
    private const int VideoCrf = 16;

    private const string Preset = "veryfast";

    private readonly SyntheticDatasetOptions _options;
    private readonly long _seed;
    private readonly string _stem;
    private readonly string _facePath;

    public SyntheticClipFiles(SyntheticDatasetOptions options, string folder, long seed)
    {
        _options = options;
        _seed = seed;
        string name = SyntheticDatasetOptions.NameOf(seed);
        _stem = Path.Combine(folder, name);
        _facePath = Path.Combine(folder, SyntheticDatasetWriter.FacesName, name + ".mp4");
    }

    private string VideoPath => _stem + ".mp4";

    private string SpeechPath => _stem + ".wav";

    private string LandmarksPath => _stem + ".landmarks.json";

    private string ArticulationPath => _stem + ArticulationFile.Extension;

    /// <summary>True when an earlier run wrote everything that is wanted.</summary>
    /// <exception cref="TrainingDataException">The clip is there, but was drawn with other options.</exception>
    public bool AreComplete()
    {
        if (!File.Exists(ArticulationPath))
        {
            return false;
        }
        var found = ArticulationFile.Load(ArticulationPath);
        Require("picture size", found.Size, _options.Size);
        Require("number of frames", found.Frames.Count, _options.FramesPerClip);
        Require("seed", found.SpeechSeed, _seed);
        bool facesFit =
            !_options.WriteFaces
            || (found.FaceResolution is { } side && File.Exists(_facePath) && Require("face resolution", side, _options.Resolution));
        return facesFit && File.Exists(SpeechPath) && File.Exists(LandmarksPath) && (!_options.WriteVideos || File.Exists(VideoPath));

        bool Require(Sentence what, long value, long wanted) =>
            value == wanted
                ? true
                : throw new TrainingDataException(
                    $"{_stem} exists from another run, but its {what} is {value}, not {wanted}: choose another folder or other seeds, or remove the old clips.",
                    _stem
                );
    }

    /// <summary>Draws the clip and writes all files, the articulation last.</summary>
    public async Task WriteAsync(FfmpegTools tools, Action frameDone, CancellationToken cancellationToken)
    {
        SyntheticClip clip = _options.Clip(_seed);
        WavWriter.Write(SpeechPath, clip.Speech, SyntheticDatasetOptions.SampleRate);
        using DrawnFaceDetector drawn = new();
        VideoWriter? video = null,
            faces = null;
        try
        {
            video = _options.WriteVideos
                ? await WriterAsync(VideoPath, _options.Size, VideoCrf, tools, cancellationToken).ConfigureAwait(false)
                : null;
            faces = _options.WriteFaces
                ? await WriterAsync(_facePath, _options.Resolution, FaceCrf, tools, cancellationToken).ConfigureAwait(false)
                : null;
            IAsyncEnumerable<SequencedFrame> frames = DrawAsync(clip, drawn, video, cancellationToken);
            if (faces is null)
            {
                await foreach (SequencedFrame frame in frames.ConfigureAwait(false))
                {
                    frame.Frame.Dispose();
                    frameDone();
                }
            }
            else
            {
                await AlignAsync(frames, drawn, faces, frameDone, cancellationToken).ConfigureAwait(false);
            }
            foreach (VideoWriter? writer in (VideoWriter?[])[video, faces])
            {
                if (writer is not null)
                {
                    await writer.CompleteAsync().ConfigureAwait(false);
                }
            }
        }
        finally
        {
            await (video?.DisposeAsync() ?? ValueTask.CompletedTask).ConfigureAwait(false);
            await (faces?.DisposeAsync() ?? ValueTask.CompletedTask).ConfigureAwait(false);
        }
        new LandmarksFile(drawn.Faces, _options.Size, _options.Size).Save(LandmarksPath);
        ArticulationFile.Of(clip, _options.WriteFaces ? _options.Resolution : null).Save(ArticulationPath);
    }

    private static async IAsyncEnumerable<SequencedFrame> DrawAsync(
        SyntheticClip clip,
        DrawnFaceDetector drawn,
        VideoWriter? video,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        foreach (SyntheticFrame frame in clip.Frames())
        {
            cancellationToken.ThrowIfCancellationRequested();
            drawn.Add(frame.Frame.Index, frame.Landmarks);
            await (video?.WriteAsync(frame.Frame) ?? Task.CompletedTask).ConfigureAwait(false);
            yield return new SequencedFrame(frame.Frame, frame.Frame.Index);
        }
    }

    /// <summary>Through the pipeline's own face stage, with its following, filtering and smoothing: networks are to see in training what
    /// they see at inference. One face is encoded while the next is drawn.</summary>
    private async Task AlignAsync(
        IAsyncEnumerable<SequencedFrame> frames,
        DrawnFaceDetector drawn,
        VideoWriter faces,
        Action frameDone,
        CancellationToken cancellationToken
    )
    {
        FaceStage stage = new(drawn, new FaceTrackOptions(), new FaceTemplate(_options.Resolution), new StageTimes());
        Task encoding = Task.CompletedTask;
        try
        {
            await foreach (PlacedFrame placed in stage.PlaceAsync(frames, cancellationToken).ConfigureAwait(false))
            {
                placed.Frame.Dispose();
                AlignedFace face =
                    placed.Face
                    ?? throw new InvalidOperationException($"The drawn face of frame {placed.OutputIndex} of {_stem} was lost.");
                await encoding.ConfigureAwait(false);
                encoding = faces.WriteAsync(face.Square.Rgb);
                frameDone();
            }
        }
        finally
        {
            await encoding.ConfigureAwait(false);
        }
    }

    private Task<VideoWriter> WriterAsync(string path, int side, int crf, FfmpegTools tools, CancellationToken cancellationToken) =>
        VideoWriter.CreateAsync(
            new VideoWriterOptions
            {
                OutputPath = path,
                Width = side,
                Height = side,
                FrameRate = new Rational(SyntheticDatasetOptions.FrameRate, 1),
                Color = VideoColor.Assumed(side),
                Crf = crf,
                Preset = Preset,
                AudioPath = SpeechPath,
            },
            tools,
            cancellationToken
        );
}
