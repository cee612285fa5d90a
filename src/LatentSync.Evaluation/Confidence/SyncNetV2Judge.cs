using LatentSync.Media.Audio;
using LatentSync.Media.Video.Reading;
using LatentSync.Models.SyncNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Evaluation.Confidence;

/// <summary>The field's measure: SyncNet of Chung and Zisserman, every five frames against a fifth of a second of sound, 31
/// shifts.</summary>
internal sealed class SyncNetV2Judge : ISyncJudge
{
    private const int BatchSize = 20;
    private const int PictureElements = 3 * SyncNetV2.Side * SyncNetV2.Side;

    private readonly SyncNetV2 _network;

    public SyncNetV2Judge(SyncNetV2 network, string path) => (_network, Name) = (network, $"SyncNet of Chung and Zisserman ({path})");

    public string Name { get; }

    // The original leaves the last window out.
    public int WindowFrames => SyncNetV2.WindowFrames + 1;

    public async Task<(SyncScore Score, int Windows)?> JudgeAsync(
        SpeakerTrack track,
        IAsyncEnumerable<(long Index, VideoFrame Frame)> frames,
        ReadOnlyMemory<float> samples,
        CancellationToken cancellationToken
    )
    {
        float[] sound = track.SoundOf(samples.Span).ToArray();
        int windows = Math.Min(track.FrameCount, sound.Length / SpeakerTrack.SamplesPerFrame) - SyncNetV2.WindowFrames;
        if (windows < 1)
        {
            return null;
        }
        List<Tensor> lips = [];
        try
        {
            await EmbedLipsAsync(track, frames, windows, lips, cancellationToken).ConfigureAwait(false);
            using DisposeScope scope = NewDisposeScope();
            return (SyncScore.FromDistances(cat(lips), EmbedSound(sound, windows)), windows);
        }
        finally
        {
            lips.ForEach(embedding => embedding.Dispose());
        }
    }

    public void Dispose() => _network.Dispose();

    private async Task EmbedLipsAsync(
        SpeakerTrack track,
        IAsyncEnumerable<(long Index, VideoFrame Frame)> frames,
        int windows,
        List<Tensor> lips,
        CancellationToken cancellationToken
    )
    {
        SyncFaceCrop crop = new(track);
        List<float[]> pictures = [];
        int done = 0;
        await foreach ((long index, VideoFrame frame) in frames.ConfigureAwait(false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            float[] planes = new float[PictureElements];
            crop.Cut((int)(index - track.FirstFrame), frame, planes);
            pictures.Add(planes);
            int ready = Math.Min(pictures.Count - SyncNetV2.WindowFrames + 1, windows - done);
            if (ready == BatchSize || ready > 0 && ready == windows - done)
            {
                lips.Add(EmbedLips(pictures, ready));
                pictures.RemoveRange(0, ready);
                done += ready;
            }
            if (done == windows)
            {
                return;
            }
        }
        throw new EvaluationException(
            $"Only {done + pictures.Count} of the track's {track.FrameCount} frames were there when the video was read again: it changed during the run."
        );
    }

    private Tensor EmbedLips(List<float[]> pictures, int count)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor frames = empty([count + SyncNetV2.WindowFrames - 1, 3, SyncNetV2.Side, SyncNetV2.Side]);
        for (int i = 0; i < frames.shape[0]; i++)
        {
            using Tensor picture = tensor(pictures[i], frames.shape[1..]);
            frames[i].copy_(picture);
        }
        Tensor windows = stack([.. Enumerable.Range(0, count).Select(i => frames.narrow(0, i, SyncNetV2.WindowFrames).transpose(0, 1))]); // (B, 3, 5, 224, 224)
        return _network.EmbedLips(windows.to(_network.Device)).DetachFromDisposeScope(); // (B, 1024)
    }

    private Tensor EmbedSound(float[] sound, int windows)
    {
        using IDisposable noGrad = no_grad();
        Mfcc mfcc = MfccFeatures.Compute(sound);
        Tensor coefficients = tensor(mfcc.Values, [mfcc.Frames, Mfcc.Coefficients]).t(); // (13, T)
        List<Tensor> embeddings = [];
        for (int first = 0; first < windows; first += BatchSize)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor batch = stack([
                    .. Enumerable
                        .Range(first, Math.Min(BatchSize, windows - first))
                        .Select(i => coefficients.narrow(1, i * SyncNetV2.RowsPerFrame, SyncNetV2.WindowRows)),
                ])
                .unsqueeze(1); // (B, 1, 13, 20)
            embeddings.Add(_network.EmbedSound(batch.to(_network.Device)).MoveToOuterDisposeScope());
        }
        return cat(embeddings); // (N, 1024)
    }
}
