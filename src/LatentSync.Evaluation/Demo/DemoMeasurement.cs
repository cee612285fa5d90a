using LatentSync.Evaluation.Quality;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Synthesis.Heads;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Evaluation.Demo;

/// <summary>What was measured in a demo's videos.</summary>
/// <param name="Curves">Mouth openings.</param>
/// <param name="Quality">The figures.</param>
/// <param name="ContactSheetPng">Faces of input, output and reference.</param>
internal sealed record DemoMeasurement(OpeningCurves Curves, ClipQuality Quality, byte[] ContactSheetPng)
{
    private const int SheetSide = 150;
    private const int SheetRows = 3;
    private const int MaxSheetColumns = 40;
    private const double SheetSeconds = 0.2;

    /// <summary>Reads the three videos side by side, once.</summary>
    /// <param name="scene">Knows what the speech implies.</param>
    /// <param name="landmarks">Of the input's frames.</param>
    /// <param name="resolution">Side of the network's face picture in pixels.</param>
    /// <param name="paths">Input, output, reference.</param>
    /// <param name="tools">ffmpeg.</param>
    /// <param name="measured">Told the number of frames measured.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static async Task<DemoMeasurement> MeasureAsync(
        DemoScene scene,
        IReadOnlyList<HeadLandmarks> landmarks,
        int resolution,
        IReadOnlyList<string> paths,
        FfmpegTools tools,
        Action<int> measured,
        CancellationToken cancellationToken
    )
    {
        int step = (int)Math.Round(SheetSeconds * DemoScene.FrameRate);
        using ContactSheet sheet = new(Math.Min((scene.SpeechFrames + step - 1) / step, MaxSheetColumns), SheetRows, SheetSide);
        ClipQualityMeter meter = new(landmarks, scene.SpeechFrames, resolution);
        await using FrameRow row = await FrameRow.OpenAsync(paths, tools, cancellationToken).ConfigureAwait(false);
        for (int index = 0; index < scene.SpeechFrames && await row.NextAsync().ConfigureAwait(false); index++)
        {
            meter.Add(row.Frames[0], row.Frames[1], row.Frames[2]);
            if (index % step == 0)
            {
                for (int i = 0; i < SheetRows; i++)
                {
                    sheet.Put(row.Frames[i], FaceProportions.BoxAround(landmarks[index].Alignment), index / step, i);
                }
            }
            measured(index + 1);
        }
        double[] implied = scene.ImpliedOpenings();
        return new DemoMeasurement(
            new OpeningCurves(DemoScene.FrameRate, implied, meter.OutputOpenings, meter.InputOpenings),
            meter.Complete(implied, scene.UnrelatedOpenings()),
            sheet.ToPng()
        );
    }

    /// <summary>Frames of the same number of several videos.</summary>
    private sealed class FrameRow(IReadOnlyList<IAsyncEnumerator<VideoFrame>> readers) : IAsyncDisposable
    {
        private readonly List<VideoFrame> _frames = [];

        /// <summary>The current frames, in the order of the paths; valid until the next ones.</summary>
        public IReadOnlyList<VideoFrame> Frames => _frames;

        public static async Task<FrameRow> OpenAsync(IReadOnlyList<string> paths, FfmpegTools tools, CancellationToken cancellationToken)
        {
            List<IAsyncEnumerator<VideoFrame>> readers = [];
            foreach (string path in paths)
            {
                // Nothing runs before the first frame is asked for.
                VideoReader reader = await VideoReader.OpenAsync(path, tools, cancellationToken).ConfigureAwait(false);
                readers.Add(reader.ReadAsync(cancellationToken).GetAsyncEnumerator(cancellationToken));
            }
            return new FrameRow(readers);
        }

        /// <summary>False when one of the videos has ended.</summary>
        public async Task<bool> NextAsync()
        {
            Release();
            foreach (IAsyncEnumerator<VideoFrame> reader in readers)
            {
                if (!await reader.MoveNextAsync().ConfigureAwait(false))
                {
                    return false;
                }
                _frames.Add(reader.Current);
            }
            return true;
        }

        public async ValueTask DisposeAsync()
        {
            Release();
            foreach (IAsyncEnumerator<VideoFrame> reader in readers)
            {
                await reader.DisposeAsync().ConfigureAwait(false);
            }
        }

        private void Release()
        {
            _frames.ForEach(frame => frame.Dispose());
            _frames.Clear();
        }
    }
}
