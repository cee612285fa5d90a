using System.Globalization;
using System.Text.Json;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Video.Probing;

/// <summary>Asks ffprobe what a file holds, checks the answer, and says what is wrong with a file in one sentence.</summary>
public static class MediaProbe
{
    /// <summary>Largest side of a picture in pixels.</summary>
    public const int MaximumSide = 16384;

    /// <summary>Most pixels of a picture: 16384 x 8192, an RGB frame of 384 MiB.</summary>
    public const long MaximumPixels = 16384L * 8192;

    private const int MaximumAnswer = 16 << 20;
    private const int MaximumTags = 64;
    private const int MaximumTagLength = 4096;
    private static readonly JsonSerializerOptions Json = new() { MaxDepth = 16 };
    private static readonly string[] ContainerTags = ["major_brand", "minor_version", "compatible_brands", "encoder", "duration"];

    /// <summary>Examines a file.</summary>
    /// <param name="path">Any path; it is taken literally, never as an address or a pattern.</param>
    /// <param name="tools">ffmpeg to use.</param>
    /// <param name="cancellationToken">Stops the examination.</param>
    /// <exception cref="MediaException">The file is missing, a folder, empty, unreadable, no media, or beyond the bounds. A file without
    /// video or without audio is no error here: see <see cref="MediaInfo.RequireVideo"/>, <see cref="MediaInfo.RequireAudio"/>.</exception>
    public static async Task<MediaInfo> ProbeAsync(string path, FfmpegTools tools, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tools);
        string fullPath = MediaFile.RequireReadable(path);
        string? picture = MediaFile.PictureDemuxer(fullPath);

        // A picture's orientation (EXIF) comes with its decoded frame.
        string[] frame = picture is null ? [] : ["-show_frames", "-read_intervals", "%+#1"];
        ProbeDocument document = await AskAsync(
                path,
                tools,
                ["-show_format", "-show_streams", "-show_chapters", .. frame, .. MediaFile.InputArguments(fullPath, picture)],
                cancellationToken
            )
            .ConfigureAwait(false);
        document = picture is null
            ? await WithFirstFramesAsync(path, fullPath, tools, document, cancellationToken).ConfigureAwait(false)
            : document;
        MediaInfo info = Interpret(path, fullPath, picture, document, tools.Version);
        info = info is { Audio: { } audio, Container: "wav" or "w64" or "caf" }
            ? info with
            {
                Audio = audio with { CutFrom = SoundHeader.LengthOfCut(fullPath) },
            }
            : info;
        return await WithSideAlphaAsync(info, document, tools, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Decodes the first frames where the header leaves open whether there is more than one.</summary>
    private static async Task<ProbeDocument> WithFirstFramesAsync(
        string path,
        string fullPath,
        FfmpegTools tools,
        ProbeDocument document,
        CancellationToken cancellationToken
    )
    {
        if (Best(Pictures(document)) is not { Width: > 0 } video || ParseLong(video.FrameCount) > 1)
        {
            return document;
        }

        // Packets are counted, and not each gives a frame (hidden frames, damage): one frame of two packets is looked into once more.
        IReadOnlyList<ProbeFrame>? frames = null;
        foreach (string packets in (string[])["%+#2", "%+#100"])
        {
            string[] choice =
            [
                "-select_streams",
                video.Index.ToString(CultureInfo.InvariantCulture),
                "-show_frames",
                "-read_intervals",
                packets,
            ];
            string[] arguments = [.. choice, .. MediaFile.InputArguments(fullPath, null)];
            frames = (await AskAsync(path, tools, arguments, cancellationToken).ConfigureAwait(false)).Frames;
            if (frames is not { Count: 1 })
            {
                break;
            }
        }

        return document with
        {
            Frames = frames,
        };
    }

    private static async Task<MediaInfo> WithSideAlphaAsync(
        MediaInfo info,
        ProbeDocument document,
        FfmpegTools tools,
        CancellationToken cancellationToken
    )
    {
        if (
            info.Video is not { } video
            || AlphaChannel.DecoderOfSideAlpha(document.Streams!.First(s => s.Index == video.StreamIndex)) is not { } decoder
        )
        {
            return info;
        }

        return await tools.HasDecoderAsync(decoder, cancellationToken).ConfigureAwait(false)
            ? info with
            {
                Video = video with { Decoder = decoder, MayBeTransparent = true },
            }
            : info with
            {
                Notes =
                [
                    .. info.Notes,
                    Sentence.Say(
                        $"The video may have transparent areas, which this ffmpeg cannot decode (it lacks {decoder}): hidden parts may show."
                    ),
                ],
            };
    }

    private static IEnumerable<ProbeStream> Pictures(ProbeDocument document) =>
        (document.Streams ?? []).Where(s => s.CodecType == "video" && !s.Has("attached_pic") && !s.Has("timed_thumbnails"));

    /// <summary>A format for single pictures, or a file that gives one frame and no second one.</summary>
    private static bool IsStill(ProbeDocument document, string? picture) =>
        picture is not null
        || (document.Format?.Name?.EndsWith("_pipe", StringComparison.Ordinal) ?? false)
        || document.Frames is { Count: 1 };

    /// <summary>Counts the packets of every stream of a file that this project wrote.</summary>
    internal static Task<ProbeDocument> CountPacketsAsync(string path, FfmpegTools tools, CancellationToken cancellationToken) =>
        AskAsync(
            path,
            tools,
            ["-show_format", "-show_streams", "-count_packets", .. MediaFile.InputArguments(Path.GetFullPath(path), null)],
            cancellationToken
        );

    private static async Task<ProbeDocument> AskAsync(
        string path,
        FfmpegTools tools,
        string[] arguments,
        CancellationToken cancellationToken
    )
    {
        (int exitCode, byte[] output, ErrorTail errors) = await ChildProcess
            .RunAsync(
                tools.FfprobePath,
                ["-v", "error", "-hide_banner", "-print_format", "json", .. arguments],
                MaximumAnswer,
                cancellationToken
            )
            .ConfigureAwait(false);
        if (exitCode != 0)
        {
            throw Explain(path, exitCode, errors, tools.Version);
        }

        try
        {
            return JsonSerializer.Deserialize<ProbeDocument>(output, Json) ?? throw new JsonException("The answer is null.");
        }
        catch (JsonException e)
        {
            throw new FfmpegFailedException(
                MediaFault.ToolFailed,
                $"ffprobe's answer about {MediaFile.Show(path)} is not JSON of the expected form ({e.Message}): use ffmpeg 4.4 or newer (this is {tools.Version}).",
                exitCode,
                errors.Text,
                path
            );
        }
    }

    private static MediaException Explain(string path, int exitCode, ErrorTail errors, string version)
    {
        string text = errors.Text;
        if (exitCode > 128)
        {
            return new FfmpegFailedException(
                MediaFault.ToolFailed,
                $"ffprobe crashed (exit code {exitCode}) while examining {MediaFile.Show(path)}: {errors.LastLines(2)}",
                exitCode,
                text,
                path
            );
        }

        if (text.Contains("not on whitelist", StringComparison.OrdinalIgnoreCase))
        {
            return new FfmpegFailedException(
                MediaFault.Corrupt,
                $"{MediaFile.Show(path)} is a playlist, a script or a rare format. It is not opened, because it could make ffmpeg read other files: give the media file itself.",
                exitCode,
                text,
                path
            );
        }

        if (PictureFormat.Advice(Path.GetFullPath(path), version) is { } advice)
        {
            return new FfmpegFailedException(
                MediaFault.Corrupt,
                $"{MediaFile.Show(path)} cannot be decoded: {advice}",
                exitCode,
                text,
                path
            );
        }

        MediaFault fault = text.Contains("Permission denied", StringComparison.Ordinal) ? MediaFault.Unreadable : MediaFault.Corrupt;
        return new FfmpegFailedException(
            fault,
            $"{MediaFile.Show(path)} is not a media file that ffmpeg can read, or it is damaged or incomplete: {WithoutPath(errors.LastLines(2), path)}",
            exitCode,
            text,
            path
        );
    }

    private static string WithoutPath(string text, string path) =>
        text.Replace("file:" + Path.GetFullPath(path) + ": ", string.Empty, StringComparison.Ordinal);

    internal static MediaInfo Interpret(string path, string fullPath, string? pictureDemuxer, ProbeDocument document, string version)
    {
        IReadOnlyList<ProbeStream> streams = document.Streams ?? [];
        var notes = new List<string>();
        ProbeStream? video = Best(Pictures(document));
        ProbeStream? audio = Best(streams.Where(s => s.CodecType == "audio" && s.Channels > 0 && ParseLong(s.SampleRate) > 0));
        TimeSpan? duration = ParseSeconds(document.Format?.Duration);
        bool isStill = video is not null && IsStill(document, pictureDemuxer);
        if (video is not null)
        {
            PictureFormat.RequireWhole(path, document);
            RequireSaneSize(path, fullPath, video, version);
        }

        VideoStreamInfo? picture = video is null ? null : Video(video, isStill, document, notes);
        TimeSpan? end = duration is null ? null : (ParseSeconds(document.Format?.StartTime) ?? TimeSpan.Zero) + duration;
        return new MediaInfo
        {
            Path = path,
            FullPath = fullPath,
            Container = document.Format?.Name ?? "unknown",
            Duration = duration,
            End = document.Format?.Name is "avi" && picture?.Duration > end ? picture.Duration : end,
            Video = picture,
            Audio = audio is null ? null : Audio(audio, document),
            OtherTracks = [.. streams.Where(s => s != video && s != audio).Select(s => MediaTrack.Of(s, document)).OfType<MediaTrack>()],
            ChapterList = Chapters(document),
            IsStillImage = isStill,
            Tags = Tags(document.Format?.Tags),
            Notes = notes,
            PictureDemuxer = pictureDemuxer,
        };
    }

    private static VideoStreamInfo Video(ProbeStream stream, bool isStill, ProbeDocument document, List<string> notes)
    {
        string? matrix = (stream.SideData ?? [])
            .Concat(document.Frames?.FirstOrDefault()?.SideData ?? [])
            .FirstOrDefault(s => s.DisplayMatrix is not null)
            ?.DisplayMatrix;
        FrameOrientation? orientation = matrix is null ? FrameOrientation.Upright : FrameOrientations.FromDisplayMatrix(matrix);
        if (orientation is null)
        {
            notes.Add(Sentence.Say("The video should be rotated by an angle that is not a multiple of 90 degrees: it is used unrotated."));
        }

        if (stream.FieldOrder is "tt" or "bb" or "tb" or "bt")
        {
            notes.Add(Sentence.Say("The video is interlaced: it is used without deinterlacing."));
        }

        bool swapped = (orientation ?? FrameOrientation.Upright).SwapsSides();
        int height = swapped ? stream.Width : stream.Height;
        Rational aspect =
            Rational.TryParse(stream.SampleAspectRatio, out Rational ratio) && ratio.ToDouble() is > 0.05 and < 20 ? ratio : Rational.One;
        if (aspect != Rational.One)
        {
            notes.Add(Sentence.Say($"The video has non-square pixels ({stream.SampleAspectRatio}): faces are processed in stored pixels."));
        }

        string pixelFormat = stream.PixelFormat!;
        var color = VideoColor.FromTags(
            (stream.ColorSpace, stream.ColorRange, stream.ColorPrimaries, stream.ColorTransfer),
            pixelFormat,
            height,
            notes
        );
        int bits = (int)Math.Clamp(ParseLong(stream.BitsPerRawSample), 0, 32);
        bits = bits > 0 ? bits : DepthByName(pixelFormat);
        if (color.IsHdr)
        {
            notes.Add(
                Sentence.Say(
                    $"The video is HDR ({color.Transfer}): the result has 8 bits per component with the same tags, so smooth gradients may show banding."
                )
            );
        }
        else if (bits > 8 && !isStill)
        {
            notes.Add(Sentence.Say($"The video has {bits} bits per component: the result has 8."));
        }

        Rational? baseRate = Rational.TryParse(stream.BaseFrameRate, out Rational b) ? b : null;
        Rational? average = Rational.TryParse(stream.AverageFrameRate, out Rational a) ? a : null;
        (Rational rate, bool variable, string? note) = isStill
            ? (FrameRateRule.Default, false, null)
            : FrameRateRule.Choose(baseRate, average);
        if (note is not null)
        {
            notes.Add(note);
        }

        long count = ParseLong(stream.FrameCount);
        return new VideoStreamInfo
        {
            StreamIndex = stream.Index,
            Codec = stream.CodecName ?? "unknown",
            CodedWidth = stream.Width,
            CodedHeight = stream.Height,
            Orientation = orientation ?? FrameOrientation.Upright,
            SampleAspectRatio = swapped ? aspect.Inverse : aspect,
            AverageFrameRate = average,
            BaseFrameRate = baseRate,
            FrameRate = rate,
            HasVariableFrameRate = variable,
            FrameCount =
                isStill ? 1
                : count > 0 ? count
                : null,
            Duration =
                isStill ? null
                : document.Format?.Name is "avi" && count > 0 ? TimeSpan.FromSeconds(count / rate.ToDouble()) // ffprobe goes by the data that is there
                : ParseSeconds(stream.Duration) ?? ParseTagDuration(stream.Tags) ?? ParseSeconds(document.Format?.Duration),
            StartOffset = StartOffset(stream, document),
            HoldsPictures = !isStill && FrameRateRule.Holds(baseRate, average),
            MayBeTransparent = AlphaChannel.MayBeIn(pixelFormat),
            PixelFormat = pixelFormat,
            BitDepth = bits,
            Color = color,
            IsMatrixTagged = stream.ColorSpace == color.Matrix,
            IsRangeTagged = stream.ColorRange == color.Range,
        };
    }

    private static void RequireSaneSize(string path, string fullPath, ProbeStream stream, string version)
    {
        if (stream.Width < 1 || stream.Height < 1 || stream.PixelFormat is null or "unknown" || stream.CodecName is null)
        {
            throw new MediaException(
                MediaFault.Corrupt,
                $"The video track of {MediaFile.Show(path)} (codec {stream.CodecName ?? "?"}) cannot be decoded: {PictureFormat.Advice(fullPath, version) ?? "the file is damaged or incomplete, or this ffmpeg lacks the codec."}",
                path
            );
        }

        if (stream.Width > MaximumSide || stream.Height > MaximumSide || (long)stream.Width * stream.Height > MaximumPixels)
        {
            throw new MediaException(
                MediaFault.OutOfBounds,
                $"The video track of {MediaFile.Show(path)} has {stream.Width}x{stream.Height} pixels, but at most {MaximumSide} per side and {MaximumPixels} in total are supported: scale it down first.",
                path
            );
        }
    }

    private static AudioStreamInfo Audio(ProbeStream stream, ProbeDocument document)
    {
        return new AudioStreamInfo
        {
            StreamIndex = stream.Index,
            Codec = stream.CodecName ?? "unknown",
            SampleRate = (int)Math.Min(ParseLong(stream.SampleRate), int.MaxValue),
            Channels = stream.Channels,
            SampleFormat = stream.SampleFormat,
            Duration = ParseSeconds(stream.Duration) ?? ParseTagDuration(stream.Tags) ?? ParseSeconds(document.Format?.Duration),
            StartOffset = StartOffset(stream, document),
        };
    }

    private static MediaChapter[] Chapters(ProbeDocument document)
    {
        TimeSpan zero = ParseSeconds(document.Format?.StartTime) ?? TimeSpan.Zero;
        TimeSpan Moment(string? seconds) => (ParseSeconds(seconds) ?? zero) - zero;
        return
        [
            .. (document.Chapters ?? []).Select(c => new MediaChapter(
                Moment(c.StartTime),
                Moment(c.EndTime),
                c.Tags?.Keys.Contains("title", StringComparer.OrdinalIgnoreCase) ?? false
            )),
        ];
    }

    private static TimeSpan StartOffset(ProbeStream stream, ProbeDocument document)
    {
        TimeSpan start = ParseSeconds(stream.StartTime) ?? TimeSpan.Zero,
            first = ParseSeconds(document.Format?.StartTime) ?? start;
        return start > first ? start - first : TimeSpan.Zero;
    }

    /// <summary>Where the audio track of a file that this project wrote ends, in seconds; null if it does not say. Matroska's duration of a
    /// track is its end.</summary>
    internal static double? AudioEnd(ProbeDocument document)
    {
        ProbeStream? audio = document.Streams?.FirstOrDefault(s => s.CodecType == "audio");
        TimeSpan? end = ParseSeconds(audio?.Duration) is { } duration
            ? (ParseSeconds(audio?.StartTime) ?? TimeSpan.Zero) + duration
            : ParseTagDuration(audio?.Tags);
        return end?.TotalSeconds;
    }

    private static Dictionary<string, string> Tags(IReadOnlyDictionary<string, string>? tags) =>
        (tags ?? new Dictionary<string, string>())
            .Where(t =>
                !ContainerTags.Contains(t.Key, StringComparer.OrdinalIgnoreCase)
                && t.Key.Length is > 0 and <= 128
                && !t.Key.Contains('=')
                && t.Value.Length <= MaximumTagLength
            )
            .DistinctBy(t => t.Key, StringComparer.OrdinalIgnoreCase)
            .Take(MaximumTags)
            .ToDictionary(t => t.Key, t => t.Value, StringComparer.OrdinalIgnoreCase);

    private static ProbeStream? Best(IEnumerable<ProbeStream> streams) =>
        streams.OrderByDescending(s => s.Has("default")).ThenBy(s => s.Index).FirstOrDefault();

    /// <summary>10 of "yuv420p10le"; 8 when the name has no depth.</summary>
    private static int DepthByName(string pixelFormat)
    {
        foreach (int depth in (ReadOnlySpan<int>)[9, 10, 12, 14, 16])
        {
            string digits = depth.ToString(CultureInfo.InvariantCulture);
            if (
                pixelFormat.EndsWith("p" + digits + "le", StringComparison.Ordinal)
                || pixelFormat.EndsWith("p" + digits + "be", StringComparison.Ordinal)
            )
            {
                return depth;
            }
        }

        return pixelFormat.StartsWith("p010", StringComparison.Ordinal) ? 10
            : pixelFormat.Contains("48", StringComparison.Ordinal) ? 16
            : 8;
    }

    private static long ParseLong(string? text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : 0;

    private static TimeSpan? ParseSeconds(string? text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && Math.Abs(value) < 1e9
            ? TimeSpan.FromSeconds(value)
            : null;

    /// <summary>Matroska keeps a track's duration as a tag "00:00:04.004000000".</summary>
    private static TimeSpan? ParseTagDuration(IReadOnlyDictionary<string, string>? tags)
    {
        string? text = tags?.FirstOrDefault(t => t.Key.StartsWith("DURATION", StringComparison.OrdinalIgnoreCase)).Value;
        return
            text is not null && TimeSpan.TryParse(text.Length > 16 ? text[..16] : text, CultureInfo.InvariantCulture, out TimeSpan duration)
            ? duration
            : null;
    }
}
