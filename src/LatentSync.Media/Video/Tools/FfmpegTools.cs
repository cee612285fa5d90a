using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Video.Tools;

/// <summary>The ffmpeg and ffprobe that this process uses.</summary>
public sealed class FfmpegTools
{
    private const int MaximumAnswer = 4 << 20;
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(30);
    private static readonly ConcurrentDictionary<string, string> Answers = [];
    private static readonly string[] KnownEncoders = ["libx264", "aac", "alac", "flac"];

    private FfmpegTools(string ffmpegPath, string ffprobePath, string version, string foundBy, FrozenSet<string> encoders)
    {
        FfmpegPath = ffmpegPath;
        FfprobePath = ffprobePath;
        Version = version;
        FoundBy = foundBy;
        Encoders = encoders;
    }

    /// <summary>Encoders without which no video can be written.</summary>
    public static IReadOnlyList<string> RequiredEncoders { get; } = ["libx264", "aac"];

    /// <summary>Full path of ffmpeg.</summary>
    public string FfmpegPath { get; }

    /// <summary>Full path of ffprobe.</summary>
    public string FfprobePath { get; }

    /// <summary>As ffmpeg names itself: "5.1.9-0+deb12u1".</summary>
    public string Version { get; }

    /// <summary>How it was found: "option", "LATENTSYNC_FFMPEG", "PATH" or "common folder".</summary>
    public string FoundBy { get; }

    /// <summary>Names of all encoders in this build.</summary>
    public IReadOnlySet<string> Encoders { get; }

    /// <summary>Looks for ffmpeg: the option, else the variable LATENTSYNC_FFMPEG (each a file or a folder), else PATH, else the usual
    /// folders.</summary>
    /// <param name="option">File or folder given by the user; null to search.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <exception cref="FfmpegNotFoundException">None was found that starts; the message says what to type on this platform.</exception>
    public static Task<FfmpegTools> LocateAsync(string? option = null, CancellationToken cancellationToken = default) =>
        LocateAsync(FfmpegLocator.ForThisMachine(option), cancellationToken);

    internal static async Task<FfmpegTools> LocateAsync(FfmpegLocator locator, CancellationToken cancellationToken)
    {
        var tried = new List<string>();
        var reasons = new List<Sentence>();
        foreach ((string ffmpeg, string ffprobe, string foundBy) in locator.Candidates())
        {
            tried.Add(ffmpeg);
            string? missing =
                !File.Exists(ffmpeg) ? ffmpeg
                : !File.Exists(ffprobe) ? ffprobe
                : null;
            if (missing is not null)
            {
                if (missing != ffmpeg || foundBy is "option" or MediaSettings.FfmpegVariable)
                {
                    reasons.Add(Sentence.Of($"{missing} does not exist"));
                }

                continue;
            }

            try
            {
                string version = ParseVersion(await AskAsync(ffmpeg, ["-version"], cancellationToken).ConfigureAwait(false), "ffmpeg");
                ParseVersion(await AskAsync(ffprobe, ["-version"], cancellationToken).ConfigureAwait(false), "ffprobe");
                string encoders = await AskAsync(ffmpeg, ["-hide_banner", "-encoders"], cancellationToken).ConfigureAwait(false);
                return new FfmpegTools(ffmpeg, ffprobe, version, foundBy, ParseCodecs(encoders));
            }
            catch (MediaException e)
            {
                reasons.Add(e.Message.TrimEnd('.'));
            }
        }

        string remedy = InstallationAdvice.ForThisMachine();
        Sentence where = locator switch
        {
            { Option: not null } => (Sentence)$"at '{locator.Option}', as given",
            { Variable: not null } => (Sentence)$"at '{locator.Variable}', which {MediaSettings.FfmpegVariable} names",
            _ => (Sentence)$"in PATH or in {string.Join(", ", locator.CommonFolders)}",
        };
        Sentence found = reasons.Count == 0 ? where : (Sentence)$"{where} ({Sentence.Join("; ", reasons)})";
        throw new FfmpegNotFoundException(
            $"No working ffmpeg and ffprobe {found}: type \"{remedy}\", or set {MediaSettings.FfmpegVariable} to the folder that holds them.",
            remedy,
            tried
        );
    }

    /// <summary>The facts, for the doctor.</summary>
    public FfmpegFacts Describe() => new(FfmpegPath, FfprobePath, Version, FoundBy, KnownEncoders.ToDictionary(e => e, Encoders.Contains));

    /// <summary>Demands an encoder.</summary>
    /// <param name="encoder">Its name in ffmpeg, for instance "libx264".</param>
    /// <exception cref="FfmpegNotFoundException">This build lacks it.</exception>
    public void RequireEncoder(string encoder)
    {
        if (!Encoders.Contains(encoder))
        {
            string remedy = InstallationAdvice.ForThisMachine();
            throw new FfmpegNotFoundException(
                $"The ffmpeg at '{FfmpegPath}' (version {Version}) lacks the encoder {encoder}, which is needed to write the result: install a full build (\"{remedy}\"), or name another with {MediaSettings.FfmpegVariable}.",
                remedy,
                [FfmpegPath]
            );
        }
    }

    /// <summary>Asks this build whether it has a decoder.</summary>
    /// <param name="decoder">Its name in ffmpeg, for instance "libvpx-vp9".</param>
    /// <param name="cancellationToken">Stops the question.</param>
    internal async Task<bool> HasDecoderAsync(string decoder, CancellationToken cancellationToken) =>
        ParseCodecs(await AskAsync(FfmpegPath, ["-hide_banner", "-decoders"], cancellationToken).ConfigureAwait(false)).Contains(decoder);

    /// <summary>Asks this build whether its filter setts sets how long packets last, which came after the filter.</summary>
    /// <param name="cancellationToken">Stops the question.</param>
    internal async Task<bool> HasPacketDurationsAsync(CancellationToken cancellationToken) =>
        (await AskAsync(FfmpegPath, ["-hide_banner", "-h", "bsf=setts"], cancellationToken).ConfigureAwait(false)).Contains(
            "-duration",
            StringComparison.Ordinal
        );

    /// <summary>"Take frames as they come" in this version's words: -vsync became -fps_mode in 5.1.</summary>
    internal string[] PassThroughFrames =>
        double.TryParse(
            string.Join('.', Version.TrimStart('n').Split('.', '-', '+').Take(2)),
            NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture,
            out double version
        )
        && version < 5.1
            ? ["-vsync", "passthrough"]
            : ["-fps_mode", "passthrough"];

    /// <summary>A build's answer; the same file gives the same one, so that a process asks once.</summary>
    private static async Task<string> AskAsync(string file, string[] arguments, CancellationToken cancellationToken)
    {
        string question = $"{Stamp(file)}|{string.Join(' ', arguments)}";
        if (Answers.TryGetValue(question, out string? known))
        {
            return known;
        }
        string answer = await RunAsync(file, arguments, cancellationToken).ConfigureAwait(false);
        Answers[question] = answer;
        return answer;
    }

    /// <summary>Changes when the program is replaced.</summary>
    private static string Stamp(string file)
    {
        FileInfo program = new(file);
        if (program.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target)
        {
            program = target;
        }
        // Of a file that is gone there is no answer, and so none to remember.
        long length = program.Exists ? program.Length : -1;
        return string.Create(CultureInfo.InvariantCulture, $"{file}|{program.FullName}|{length}|{program.LastWriteTimeUtc.Ticks}");
    }

    private static async Task<string> RunAsync(string file, string[] arguments, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(AnswerTime);
        try
        {
            (int exitCode, byte[] output, ErrorTail errors) = await ChildProcess
                .RunAsync(file, arguments, MaximumAnswer, limit.Token)
                .ConfigureAwait(false);
            return exitCode == 0
                ? Encoding.UTF8.GetString(output)
                : throw new MediaException(
                    MediaFault.ToolMissing,
                    $"{file} {arguments[^1]} failed with exit code {exitCode}: {errors.LastLines(1)}"
                );
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new MediaException(MediaFault.ToolMissing, $"{file} {arguments[^1]} did not answer within {AnswerTime.TotalSeconds:0} s");
        }
    }

    /// <summary>The third word of "ffmpeg version 5.1.9 Copyright ...".</summary>
    internal static string ParseVersion(string answer, string program)
    {
        string[] words = answer.Split('\n')[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return words.Length >= 3 && words[0] == program && words[1] == "version"
            ? words[2].Trim()
            : throw new MediaException(MediaFault.ToolMissing, $"the program does not identify itself as {program}");
    }

    /// <summary>The second word of every line after the dashes: " V....D libx264   libx264 H.264 ...".</summary>
    private static FrozenSet<string> ParseCodecs(string answer) =>
        answer
            .Split('\n')
            .SkipWhile(line => !line.TrimStart().StartsWith("---", StringComparison.Ordinal))
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words.Length >= 2)
            .Select(words => words[1])
            .ToFrozenSet(StringComparer.Ordinal);
}
