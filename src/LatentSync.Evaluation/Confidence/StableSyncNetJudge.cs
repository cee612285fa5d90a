using LatentSync.Media.Audio;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Video.Reading;
using LatentSync.Models.SyncNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Evaluation.Confidence;

/// <summary>A StableSyncNet as the judge, where the field's own network is not at hand: cosines over 31 shifts.</summary>
/// <remarks>Not the published measure: its confidence lies between 0 and 1, and offsets are found to the frame only where the network was
/// trained well.</remarks>
internal sealed class StableSyncNetJudge : ISyncJudge
{
    /// <summary>Every so many frames a window of pictures is looked at; the sound is at every frame.</summary>
    private const int VisualStep = 5;

    private const int BatchSize = 4;

    private readonly StableSyncNet _network;
    private readonly SyncNetConfiguration _configuration;

    /// <exception cref="EvaluationException">The network sees latents, or its picture has a size that faces are not aligned to.</exception>
    public StableSyncNetJudge(StableSyncNet network, string path)
    {
        (_network, _configuration) = (network, network.Configuration);
        Name = $"StableSyncNet ({path})";
        if (_configuration.LatentSpace)
        {
            throw new EvaluationException(
                $"{path} works on latents; give a StableSyncNet that works on pixels (syncnet_16_pixel or syncnet_16_pixel_attn)."
            );
        }
        if (_configuration.Resolution is < FaceTemplate.MinResolution or > FaceTemplate.MaxResolution || _configuration.Resolution % 8 != 0)
        {
            throw new EvaluationException(
                $"{path} takes pictures of {_configuration.Resolution} pixels; faces are aligned to a multiple of 8 from {FaceTemplate.MinResolution} to {FaceTemplate.MaxResolution}."
            );
        }
    }

    public string Name { get; }

    public int WindowFrames => _configuration.NumFrames;

    public async Task<(SyncScore Score, int Windows)?> JudgeAsync(
        SpeakerTrack track,
        IAsyncEnumerable<(long Index, VideoFrame Frame)> frames,
        ReadOnlyMemory<float> samples,
        CancellationToken cancellationToken
    )
    {
        SyncNetMel mel = SyncNetMelSpectrogram.Compute(samples.Span);
        int starts = track.FrameCount - WindowFrames + 1;
        while (starts > 0 && SyncNetMel.StartColumn(track.FirstFrame + starts - 1) + _configuration.AudioColumns > mel.Columns)
        {
            starts--; // windows whose sound is cut short by the end of the recording
        }
        if (starts < 1)
        {
            return null;
        }
        List<Tensor> visual = [];
        try
        {
            int[] looked = [.. Enumerable.Range(0, starts).Where(start => start % VisualStep == 0)];
            await EmbedVisualAsync(track, frames, looked, visual, cancellationToken).ConfigureAwait(false);
            using DisposeScope scope = NewDisposeScope();
            return (SyncScore.FromSimilarities(cat(visual), looked, EmbedAudio(track, mel, starts, cancellationToken)), looked.Length);
        }
        finally
        {
            visual.ForEach(embedding => embedding.Dispose());
        }
    }

    public void Dispose() => _network.Dispose();

    private async Task EmbedVisualAsync(
        SpeakerTrack track,
        IAsyncEnumerable<(long Index, VideoFrame Frame)> frames,
        int[] looked,
        List<Tensor> visual,
        CancellationToken cancellationToken
    )
    {
        FaceTemplate template = new(_configuration.Resolution);
        FaceAligner aligner = new(template);
        int elements = 3 * template.Resolution * template.Resolution;
        Queue<float[]> window = new();
        await foreach ((long index, VideoFrame frame) in frames.ConfigureAwait(false))
        {
            cancellationToken.ThrowIfCancellationRequested();
            int position = (int)(index - track.FirstFrame);
            float[] planes = new float[elements];
            FaceWarper.Crop(frame, aligner.Align(track.Faces[position].Points), template).Square.CopyToPlanes(planes);
            window.Enqueue(planes);
            if (window.Count > WindowFrames)
            {
                window.Dequeue();
            }
            int start = position - WindowFrames + 1;
            if (visual.Count < looked.Length && start == looked[visual.Count])
            {
                visual.Add(EmbedVisual([.. window]));
            }
            if (visual.Count == looked.Length)
            {
                return;
            }
        }
        throw new EvaluationException(
            $"The track's {track.FrameCount} frames were not all there when the video was read again: it changed during the run."
        );
    }

    private Tensor EmbedVisual(float[][] window)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        long side = _configuration.Resolution;
        Tensor frames = stack([.. window.Select(planes => tensor(planes, [3, side, side]))]).unsqueeze(0); // (1, F, 3, R, R)
        Tensor seen = _network.Arrange(frames).to(_network.Device).to(_network.Dtype);
        return _network.EmbedVisual(seen).DetachFromDisposeScope(); // (1, D)
    }

    private Tensor EmbedAudio(SpeakerTrack track, SyncNetMel mel, int starts, CancellationToken cancellationToken)
    {
        using IDisposable noGrad = no_grad();
        int columns = _configuration.AudioColumns;
        List<Tensor> embeddings = [];
        for (int first = 0; first < starts; first += BatchSize)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            int count = Math.Min(BatchSize, starts - first);
            float[] batch = new float[count * SyncNetMel.Bands * columns];
            for (int i = 0; i < count; i++)
            {
                mel.TryCopyWindow(
                    SyncNetMel.StartColumn(track.FirstFrame + first + i),
                    columns,
                    batch.AsSpan(i * SyncNetMel.Bands * columns, SyncNetMel.Bands * columns)
                );
            }
            Tensor heard = tensor(batch, [count, 1, SyncNetMel.Bands, columns]).to(_network.Device).to(_network.Dtype);
            embeddings.Add(_network.EmbedAudio(heard).MoveToOuterDisposeScope());
        }
        return cat(embeddings); // (M, D)
    }
}
