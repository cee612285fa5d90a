using LatentSync.Foundation.Files;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Video.Writing;

/// <summary>What a <see cref="VideoWriter"/> writes.</summary>
public sealed record VideoWriterOptions
{
    /// <summary>x264's presets, fastest first.</summary>
    public static IReadOnlyList<string> Presets { get; } =
    ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"];

    /// <summary>File to write: .mp4, .m4v, .mov or .mkv. Replaced only when the new file is complete.</summary>
    public required string OutputPath { get; init; }

    /// <summary>Width of the frames in pixels, 1..16384.</summary>
    public required int Width { get; init; }

    /// <summary>Height of the frames in pixels, 1..16384.</summary>
    public required int Height { get; init; }

    /// <summary>Frames per second, exact.</summary>
    public required Rational FrameRate { get; init; }

    /// <summary>Matrix and range of the stored pixels, and all colour tags.</summary>
    public required VideoColor Color { get; init; }

    /// <summary>Width of a pixel divided by its height. Default 1.</summary>
    public Rational SampleAspectRatio { get; init; } = Rational.One;

    /// <summary>Constant rate factor, 0 (lossless) .. 51. Default 16.</summary>
    public int Crf { get; init; } = 16;

    /// <summary>One of <see cref="Presets"/>. Default "medium".</summary>
    public string Preset { get; init; } = "medium";

    /// <summary>Speech for the audio track; null: none.</summary>
    public string? AudioPath { get; init; }

    /// <summary>Where the speech lies on the time axis, when it comes from the same file as the picture and both begin at different
    /// moments. null: its first sample belongs to the first frame.</summary>
    public MediaTimeline? AudioTimeline { get; init; }

    /// <summary>Seconds of speech that were found before, from the first frame on: a file that gives less when it is joined changed
    /// meanwhile, which is an error. null: not checked.</summary>
    public double? AudioSeconds { get; init; }

    /// <summary>The video whose subtitles, further sound tracks, attachments and chapters go into the result, where its container holds
    /// them. null: none. Only with <see cref="AudioPath"/>.</summary>
    public MediaInfo? TracksOf { get; init; }

    /// <summary>Tags of the container. Default none.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>Files that the output must not replace. Default none; <see cref="AudioPath"/> is always one of them.</summary>
    public IReadOnlyList<string> InputPaths { get; init; } = [];

    /// <summary>Options that keep the size, rate, colours, pixel shape and tags of a source.</summary>
    /// <param name="source">The video the frames come from.</param>
    /// <param name="outputPath">File to write.</param>
    /// <param name="audioPath">Speech; null: no audio track.</param>
    public static VideoWriterOptions Like(VideoReader source, string outputPath, string? audioPath)
    {
        ArgumentNullException.ThrowIfNull(source);
        return new VideoWriterOptions
        {
            OutputPath = outputPath,
            Width = source.Width,
            Height = source.Height,
            FrameRate = source.FrameRate,

            // A picture's own colours (full range, JPEG's matrix) are unusual for a video: players expect the assumed ones.
            Color = source.Media.IsStillImage && !source.Stream.Color.IsHdr ? VideoColor.Assumed(source.Height) : source.Stream.Color,
            SampleAspectRatio = source.Stream.SampleAspectRatio,
            AudioPath = audioPath,
            TracksOf = source.Media.IsStillImage ? null : source.Media,
            Tags = source.Media.Tags,
            InputPaths = [source.Media.FullPath],
        };
    }

    /// <summary>Checks every option.</summary>
    /// <returns>The container.</returns>
    /// <exception cref="MediaException"><see cref="MediaFault.UnknownContainer"/>, <see cref="MediaFault.OutputIsInput"/>.</exception>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    internal OutputContainer Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(Width is >= 1 and <= MediaProbe.MaximumSide, true, nameof(Width));
        ArgumentOutOfRangeException.ThrowIfNotEqual(Height is >= 1 and <= MediaProbe.MaximumSide, true, nameof(Height));
        if (Crf is < 0 or > 51)
        {
            throw new ArgumentOutOfRangeException(
                nameof(Crf),
                Crf,
                $"The constant rate factor is {Crf}, but x264 takes 0 (lossless) to 51."
            );
        }

        if (!Presets.Contains(Preset))
        {
            throw new ArgumentException($"The preset is '{Preset}', but x264 knows {string.Join(", ", Presets)}.", nameof(Preset));
        }

        if (FrameRate.CompareTo(FrameRateRule.Maximum) > 0 || FrameRate.Numerator < 1)
        {
            throw new ArgumentOutOfRangeException(
                nameof(FrameRate),
                FrameRate,
                $"The frame rate is {FrameRate}, but more than 0 and at most {FrameRateRule.Maximum} are supported."
            );
        }

        OutputContainer container = OutputContainer.ForPath(OutputPath);
        try
        {
            FileOverlap.Refuse(
                InputPaths.Append(AudioPath).Select(input => new NamedPath("an input", input)),
                [new NamedPath("The output", OutputPath)]
            );
        }
        catch (OutputIsInputException e)
        {
            throw new MediaException(MediaFault.OutputIsInput, e.Message, OutputPath, e);
        }

        return container;
    }
}
