using System.Globalization;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Video.Writing;

/// <summary>The carried tracks as inputs and arguments of the ffmpeg that joins the result; holds the files that are made for it.</summary>
/// <remarks>Subtitles that are shown beyond the end would make the result longer than its picture, so the last one is cut: by a filter on
/// packets that are taken over. ffmpeg's filter loses packets that were just encoded, so subtitles of another form are brought to it in a
/// file of their own. Matroska keeps a cover as an attached file, which ffmpeg reads from the disk.</remarks>
internal sealed class CarriedInput : IDisposable
{
    private const int MaximumCover = 64 << 20;
    private readonly CarriedTracks _plan;
    private readonly FfmpegTools _tools;
    private readonly string _outputPath;
    private readonly double _seconds;
    private readonly List<(PartialFile File, CarriedTrack Cover)> _covers = [];
    private readonly List<string> _notes = [];
    private PartialFile? _subtitles;
    private bool _cutsSubtitles;

    private CarriedInput(CarriedTracks plan, FfmpegTools tools, string outputPath, double seconds) =>
        (_plan, _tools, _outputPath, _seconds) = (plan, tools, outputPath, seconds);

    /// <summary>Sentences about what is changed.</summary>
    public IReadOnlyList<string> Notes => _notes;

    /// <summary>Makes what the join needs.</summary>
    /// <param name="plan">What is carried.</param>
    /// <param name="tools">ffmpeg to use.</param>
    /// <param name="outputPath">The result; files are made beside it.</param>
    /// <param name="seconds">Length of the result.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="MediaException">A track cannot be read or a file not be written.</exception>
    public static async Task<CarriedInput> PrepareAsync(
        CarriedTracks plan,
        FfmpegTools tools,
        string outputPath,
        double seconds,
        CancellationToken cancellationToken
    )
    {
        var input = new CarriedInput(plan, tools, outputPath, seconds);
        try
        {
            await input.PrepareAsync(cancellationToken).ConfigureAwait(false);
            return input;
        }
        catch
        {
            input.Dispose();
            throw;
        }
    }

    /// <summary>Arguments that open the inputs; none when nothing is carried.</summary>
    public string[] Inputs =>
        _plan.IsEmpty ? [] : [.. Source, .. _subtitles is null ? [] : MediaFile.InputArguments(_subtitles.Path, null)];

    /// <summary>Output arguments; the picture and the speech come first.</summary>
    /// <param name="input">Number of the first of these inputs.</param>
    public string[] Outputs(int input)
    {
        if (_plan.IsEmpty)
        {
            return ["-map_chapters", "-1"];
        }

        var maps = new List<string>();
        var options = new List<string>();
        int stream = 2,
            converted = 0,
            attachments = 0;
        foreach (CarriedTrack carried in _plan.Tracks)
        {
            MediaTrack track = carried.Track;
            if (_covers.Any(c => c.Cover == carried))
            {
                continue;
            }

            maps.AddRange("-map", carried.Codec is null ? Text($"{input}:{track.StreamIndex}") : Text($"{input + 1}:{converted++}"));
            options.AddRange(Text($"-c:{stream}"), carried.Codec is null or "mov_text" ? "copy" : carried.Codec);
            attachments += track.Kind == MediaTrackKind.Attachment ? 1 : 0;
            options.AddRange(Tags(track, carried.Codec is not null, stream));
            if (track.Kind == MediaTrackKind.Audio)
            {
                options.AddRange(Text($"-disposition:{stream}"), "-default"); // players begin with the speech, not with this one
            }

            if (track.Kind == MediaTrackKind.Cover)
            {
                options.AddRange(Text($"-disposition:{stream}"), "attached_pic");
            }

            if (track.Kind == MediaTrackKind.Subtitle)
            {
                options.AddRange(carried.Codec is null or "mov_text" ? Cut(Text($"{stream}")) : []);
            }

            stream++;
        }

        foreach ((PartialFile file, CarriedTrack cover) in _covers)
        {
            bool isPng = cover.Track.Codec == "png";
            string tag = Text($"-metadata:s:t:{attachments++}");
            maps.AddRange("-attach", "file:" + file.Path);
            options.AddRange(tag, $"filename=cover.{(isPng ? "png" : "jpg")}", tag, $"mimetype=image/{(isPng ? "png" : "jpeg")}"); // players know it by that name
        }

        (int Index, string Name)[] names = [.. _plan.ChapterNames(_seconds)];
        return
        [
            .. maps,
            .. options,
            "-map_chapters",
            _plan.Source!.Chapters > 0 ? Text($"{input}") : "-1",
            .. names.SelectMany(c => new[] { Text($"-metadata:c:{c.Index}"), $"title={c.Name}" }),
        ];
    }

    /// <summary>Removes the files.</summary>
    public void Dispose()
    {
        _subtitles?.Dispose();
        foreach ((PartialFile file, _) in _covers)
        {
            file.Dispose();
        }
    }

    private string[] Source =>
        ["-itsoffset", (-_plan.Zero.TotalSeconds).ToString("0.######", CultureInfo.InvariantCulture), .. _plan.Source!.InputArguments];

    private async Task PrepareAsync(CancellationToken cancellationToken)
    {
        CarriedTrack[] subtitles = [.. _plan.Tracks.Where(t => t.Track.Kind == MediaTrackKind.Subtitle)];
        _cutsSubtitles = subtitles.Length > 0 && await _tools.HasPacketDurationsAsync(cancellationToken).ConfigureAwait(false);
        if (subtitles.Length > 0 && !_cutsSubtitles)
        {
            _notes.Add(
                Sentence.Say($"The last subtitles may extend beyond the end of the result: this ffmpeg ({_tools.Version}) can't cut them.")
            );
        }

        CarriedTrack[] converted = [.. subtitles.Where(t => t.Codec is not null)];
        if (converted.Length > 0)
        {
            _subtitles = MediaOutput.Begin(_outputPath);
            string[] maps = [.. converted.SelectMany(t => new[] { "-map", Text($"0:{t.Track.StreamIndex}") })];
            // Of mp4's form either way: to be taken over by mp4, or to be cut and decoded for Matroska.
            string[] codec = _plan.Container!.IsMatroska ? ["-c", "copy", .. Cut("s")] : ["-c", "mov_text"];
            await RunAsync([.. Source, .. maps, .. codec, "-t", Seconds, "-f", "mp4", "file:" + _subtitles.Path], cancellationToken)
                .ConfigureAwait(false);
        }

        if (_plan.Container?.IsMatroska is true)
        {
            foreach (CarriedTrack cover in _plan.Tracks.Where(t => t.Track.Kind == MediaTrackKind.Cover))
            {
                await ExtractAsync(cover, cancellationToken).ConfigureAwait(false);
            }
        }

        if (_plan.ChapterNames(_seconds).FirstOrDefault() is { Name: { } name })
        {
            _notes.Add(
                Sentence.Say(
                    $"Chapters without a name are called \"{name}\" and so on: {_plan.Container!.Extension} can't store unnamed ones."
                )
            );
        }
    }

    private async Task ExtractAsync(CarriedTrack cover, CancellationToken cancellationToken)
    {
        string[] arguments =
        [
            .. Source,
            "-map",
            Text($"0:{cover.Track.StreamIndex}"),
            "-c",
            "copy",
            "-frames:v",
            "1",
            "-f",
            "image2pipe",
            "pipe:1",
        ];
        byte[] picture = await RunAsync(arguments, cancellationToken).ConfigureAwait(false);
        PartialFile file = MediaOutput.Begin(_outputPath);
        _covers.Add((file, cover));
        try
        {
            FileStream stream = file.Open();
            await using (stream.ConfigureAwait(false))
            {
                await stream.WriteAsync(picture, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (IOException e)
        {
            throw MediaOutput.Failure(e, _outputPath);
        }
    }

    private async Task<byte[]> RunAsync(string[] arguments, CancellationToken cancellationToken)
    {
        (int exitCode, byte[] output, ErrorTail errors) = await ChildProcess
            .RunAsync(_tools.FfmpegPath, ["-v", "error", "-hide_banner", "-nostdin", "-y", .. arguments], MaximumCover, cancellationToken)
            .ConfigureAwait(false);
        return exitCode == 0
            ? output
            : throw new FfmpegFailedException(
                MediaFault.ToolFailed,
                $"The other tracks of {MediaFile.Show(_plan.Source!.Path)} can't be read: {errors.LastLines(1)}",
                exitCode,
                errors.Text,
                _plan.Source.Path
            );
    }

    private string[] Cut(string stream) => _cutsSubtitles ? ["-bsf:" + stream, $"setts=duration=min(DURATION\\,{Seconds}/TB-PTS)"] : [];

    /// <summary>What ffmpeg would not pass on by itself.</summary>
    private string[] Tags(MediaTrack track, bool isConverted, int stream)
    {
        string option = Text($"-metadata:s:{stream}");
        return
        [
            .. _plan.LanguageOf(track) is { } language && (isConverted || language != track.Language)
                ? new[] { option, $"language={language}" }
                : [],
            .. track.Title is { } title && isConverted ? new[] { option, $"title={title}" } : [],
        ];
    }

    private string Seconds => _seconds.ToString("0.######", CultureInfo.InvariantCulture);

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
