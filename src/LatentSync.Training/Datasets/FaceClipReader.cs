using LatentSync.Foundation.Wording;
using LatentSync.Media;
using LatentSync.Media.Audio;
using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Training.Datasets;

/// <summary>Decodes one video of an aligned face.</summary>
internal sealed class FaceClipReader(FfmpegTools tools, int resolution, int minimumFrames)
{
    /// <summary>20 minutes; an aligned face of the original's preprocessing has 5 to 10 seconds.</summary>
    public const int MaximumFrames = 30_000;

    /// <summary>Decodes pictures and sound at the same time.</summary>
    /// <exception cref="TrainingDataException">The video is no clip to train on.</exception>
    /// <exception cref="MediaException">The video cannot be read.</exception>
    public async Task<FaceClip> ReadAsync(string path, CancellationToken cancellationToken)
    {
        MediaInfo media = await MediaProbe.ProbeAsync(path, tools, cancellationToken).ConfigureAwait(false);
        MediaTimeline? timeline = await MediaTimeline.MeasureAsync(media, tools, cancellationToken).ConfigureAwait(false);
        VideoReader reader = new(media, tools, timeline);
        if (reader.Media.IsStillImage || reader.Stream.HoldsPictures || reader.FrameRate != new Rational(FaceClip.FrameRate, 1))
        {
            throw Wrong(
                path,
                $"has {(reader.Stream.HoldsPictures ? reader.Stream.AverageFrameRate ?? Rational.One : reader.FrameRate).ToDouble():0.###} frames per second; {FaceClip.FrameRate} are required"
            );
        }
        if (reader.Stream.DisplayWidth != reader.Stream.Height)
        {
            // Resizing would squash every face, and nothing afterwards would tell.
            throw Wrong(
                path,
                $"shows {reader.Stream.DisplayWidth}x{reader.Stream.Height} pixels, but an aligned face is square: extract and align the faces first (docs/training-data.md)"
            );
        }
        _ = reader.Media.RequireAudio();
        if (reader.Stream.ExpectedFrames > MaximumFrames)
        {
            throw Wrong(path, $"has {reader.Stream.ExpectedFrames} frames; at most {MaximumFrames} are allowed");
        }
        using var abandoned = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<DecodedSound> listening = AudioReader.ReadAsync(
            media,
            tools,
            FaceClip.SampleRate,
            TimeSpan.FromHours(1),
            timeline,
            cancellationToken: abandoned.Token
        );
        List<byte[]> frames = [];
        DecodedSound speech;
        try
        {
            await foreach (VideoFrame frame in reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                using (frame)
                {
                    if (frames.Count == MaximumFrames)
                    {
                        throw Wrong(path, $"has more than {MaximumFrames} frames");
                    }
                    frames.Add(Resized(frame));
                }
            }
            speech = await listening.ConfigureAwait(false);
        }
        finally
        {
            await abandoned.CancelAsync().ConfigureAwait(false);
            await ((Task)listening).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        if (reader.Warnings.Concat(speech.Warnings).FirstOrDefault() is { } damage)
        {
            throw Wrong(path, $"is damaged: {damage}");
        }
        FaceClip clip = new(Path.GetFullPath(path), resolution, frames, speech.Samples);
        return clip.FrameCount >= minimumFrames
            ? clip
            : throw Wrong(path, $"has {clip.FrameCount} frames with sound; at least {minimumFrames} are required");
    }

    private byte[] Resized(VideoFrame frame)
    {
        if (frame.Width == resolution && frame.Height == resolution)
        {
            return (byte[])frame.Rgb.Clone();
        }
        // As torchvision resizes pictures of bytes: in float32, then clamped and rounded half to even.
        int pixels = frame.Width * frame.Height;
        float[] planes = new float[3 * pixels];
        for (int i = 0; i < pixels; i++)
        {
            (planes[i], planes[pixels + i], planes[(2 * pixels) + i]) = (frame.Rgb[3 * i], frame.Rgb[(3 * i) + 1], frame.Rgb[(3 * i) + 2]);
        }
        float[] resized = AntialiasedBicubic.Resize(planes, 3, frame.Height, frame.Width, resolution, resolution);
        int newPixels = resolution * resolution;
        byte[] rgb = new byte[3 * newPixels];
        for (int i = 0; i < rgb.Length; i++)
        {
            rgb[i] = (byte)MathF.Round(Math.Clamp(resized[(i % 3 * newPixels) + (i / 3)], 0, 255));
        }
        return rgb;
    }

    private static TrainingDataException Wrong(string path, Sentence what) => new($"{path} {what}.", path);
}
