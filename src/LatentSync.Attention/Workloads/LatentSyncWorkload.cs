using System.Globalization;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Workloads;

/// <summary>Every attention of LatentSync 1.5 and 1.6 at a resolution, in the shapes in which the networks ask for it: guidance on (two
/// items of 16 frames, of which only the speaking one attends to the audio), 4 frames at a time through the autoencoder. A test runs
/// the networks and compares.</summary>
internal static class LatentSyncWorkload
{
    /// <summary>Frames of a chunk; configuration key <c>data.num_frames</c>.</summary>
    private const int Frames = 16;

    /// <summary>Frames in one call of the autoencoder, as the pipeline does it.</summary>
    private const int AutoencoderFrames = 4;

    /// <summary>Items of the batch under guidance: without speech, and with it.</summary>
    private const int GuidedItems = 2;

    /// <summary>Heads of every attention of the denoising network; configuration key <c>attention_head_dim</c>, which counts
    /// heads.</summary>
    private const int Heads = 8;

    /// <summary>Audio tokens of a frame: 10 Whisper positions of 5 states each.</summary>
    private const int AudioTokens = 50;

    /// <summary>The denoising network's levels, finest first: width; layers with spatial and audio attention (2 in the encoder, 3 in the
    /// decoder, at the coarsest only the mid block); temporal layers.</summary>
    private static readonly (int Width, int SpatialLayers, int TemporalLayers)[] Levels =
    [
        (320, 5, 5),
        (640, 5, 5),
        (1280, 5, 5),
        (1280, 1, 5),
    ];

    /// <summary>Attentions in each temporal layer.</summary>
    private const int AttentionsPerTemporalLayer = 2;

    /// <summary>The workload of a resolution in pixels, a multiple of 64.</summary>
    internal static Workload Create(int resolution) =>
        new(
            string.Create(CultureInfo.InvariantCulture, $"latentsync-{resolution}"),
            string.Create(
                CultureInfo.InvariantCulture,
                $"all layers of LatentSync at {resolution} pixels with guidance, 16 frames: UNet, autoencoder, Whisper tiny, SyncNet"
            ),
            [.. DenoisingNetwork(resolution / 8), .. Others(resolution / 8)]
        );

    private static IEnumerable<WorkloadLayer> DenoisingNetwork(int side)
    {
        var layers = Levels
            .Select((level, i) => (Side: side >> i, HeadDim: level.Width / Heads, level.SpatialLayers, level.TemporalLayers))
            .ToArray();
        foreach (var (s, headDim, count, _) in layers)
        {
            yield return new(
                $"unet.spatial-self.{Grid(s)}",
                LengthFirst(GuidedItems * Frames, Heads, s * s, s * s, headDim),
                count,
                "step"
            );
        }
        foreach (var (s, headDim, count, _) in layers)
        {
            yield return new($"unet.audio-cross.{Grid(s)}", LengthFirst(Frames, Heads, s * s, AudioTokens, headDim), count, "step");
        }
        foreach (var (s, headDim, _, count) in layers)
        {
            // One sequence of 16 frames per position and head: the positions count as heads, so that nothing is copied.
            AttentionProblem problem = LengthFirst(GuidedItems, s * s * Heads, Frames, Frames, headDim);
            yield return new($"unet.temporal.{Grid(s)}", problem, count * AttentionsPerTemporalLayer, "step");
        }
    }

    private static IEnumerable<WorkloadLayer> Others(int side) =>
        [
            // Encoder twice (masked and reference pictures), decoder once, some frames at a time.
            new(
                $"vae.mid.{Grid(side)}",
                AttentionProblem.Of(AutoencoderFrames, 1, side * side, side * side, 512),
                3 * Frames / AutoencoderFrames,
                "chunk"
            ),
            new("whisper.self.1500", LengthFirst(1, 6, 1500, 1500, 64), 4, "segment"),
            // The released network, stable_syncnet: visual at 8x8 and 4x4, audio at 10x13 and 5x6 positions.
            new("syncnet.visual.8x8", LengthFirst(1, 8, 64, 64, 64), 1, "clip"),
            new("syncnet.visual.4x4", LengthFirst(1, 8, 16, 16, 128), 1, "clip"),
            new("syncnet.audio.10x13", LengthFirst(1, 8, 130, 130, 32), 1, "clip"),
            new("syncnet.audio.5x6", LengthFirst(1, 8, 30, 30, 64), 1, "clip"),
        ];

    private static AttentionProblem LengthFirst(int batch, int heads, int queryLength, int keyLength, int headDim) =>
        AttentionProblem.Of(batch, heads, queryLength, keyLength, headDim) with
        {
            QueryLayout = OperandLayout.LengthFirst,
        };

    private static string Grid(int side) => string.Create(CultureInfo.InvariantCulture, $"{side}x{side}");
}
