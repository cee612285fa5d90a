using System.Buffers.Binary;
using System.Globalization;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Audio;
using LatentSync.Media.Video.Probing;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Video.Writing;

/// <summary>Puts the speech beside the finished picture, at its place on the time axis, without touching the picture.</summary>
/// <remarks>Copied packets are moved as a whole. Speech that must be encoded is decoded by a first ffmpeg into PCM of one constant form,
/// whatever it changes to on the way, and passes through here, where silence is put before it and its length is counted.</remarks>
internal sealed class SpeechJoin(FfmpegTools tools, MediaInfo audio, MediaTimeline timeline, SpeechTrackPlan plan, double seconds)
{
    private const int BlockBytes = 1 << 16;
    private const int MaximumHeader = 1 << 16;

    /// <summary>Runs to the end.</summary>
    /// <param name="picturePath">The finished picture.</param>
    /// <param name="tracks">Further tracks. A result that is finished but for them is not lost by one that ffmpeg can't write: all are left
    /// out then.</param>
    /// <param name="outputPath">The result; files are made beside it.</param>
    /// <param name="finish">Arguments of the output.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public async Task<JoinedSpeech> RunAsync(
        string picturePath,
        CarriedTracks tracks,
        string outputPath,
        IReadOnlyList<string> finish,
        CancellationToken cancellationToken
    )
    {
        string problem;
        try
        {
            using CarriedInput carried = await CarriedInput
                .PrepareAsync(tracks, tools, outputPath, seconds, cancellationToken)
                .ConfigureAwait(false);
            JoinedSpeech joined = await JoinAsync(picturePath, carried, finish, cancellationToken).ConfigureAwait(false);
            if (joined.ExitCode is 0 or > 128 || tracks.IsEmpty || joined.IsDiskFull)
            {
                return joined;
            }

            problem = joined.Errors.LastLines(1);
        }
        catch (FfmpegFailedException e)
        {
            problem = e.Message;
        }

        using CarriedInput nothing = await CarriedInput
            .PrepareAsync(CarriedTracks.None, tools, outputPath, seconds, cancellationToken)
            .ConfigureAwait(false);
        JoinedSpeech alone = await JoinAsync(picturePath, nothing, finish, cancellationToken).ConfigureAwait(false);
        return alone with
        {
            Notes =
            [
                Sentence.Say(
                    $"No other tracks or chapters of {MediaFile.Show(tracks.Source!.Path)} were carried over, because ffmpeg failed on them: {problem}"
                ),
            ],
        };
    }

    private async Task<JoinedSpeech> JoinAsync(
        string picturePath,
        CarriedInput carried,
        IReadOnlyList<string> finish,
        CancellationToken cancellationToken
    )
    {
        if (plan.IsCopy)
        {
            string[] moved = ["-itsoffset", Text(-timeline.Zero.TotalSeconds), .. audio.InputArguments];
            string[] companion = Companion(1);
            (int exitCode, _, ErrorTail errors) = await ChildProcess
                .RunAsync(
                    tools.FfmpegPath,
                    [
                        .. Joining(picturePath, moved, audio.RequireAudio().StreamIndex, carried),
                        "-t",
                        Text(seconds),
                        .. finish,
                        .. companion,
                    ],
                    BlockBytes,
                    cancellationToken
                )
                .ConfigureAwait(false);
            return new JoinedSpeech(exitCode, errors, null, carried.Notes);
        }

        string[] pcm = ["-protocol_whitelist", "file,pipe", "-f", "wav", "-ignore_length", "1", "-i", "pipe:0"];
        await using ChildProcess joining = ChildProcess.Start(
            tools.FfmpegPath,
            [.. Joining(picturePath, pcm, 0, carried), .. carried.Inputs.Length == 0 ? [] : End, .. finish],
            writesInput: true,
            cancellationToken
        );
        double soundEnd = 0;
        try
        {
            soundEnd = await FeedAsync(joining.Input, cancellationToken).ConfigureAwait(false);
            await joining.Input.DisposeAsync().ConfigureAwait(false);
        }
        catch (IOException)
        {
            // It ended early: its exit code says why.
            soundEnd = double.PositiveInfinity;
        }

        return new JoinedSpeech(await joining.WaitAsync().ConfigureAwait(false), joining.Errors, soundEnd, carried.Notes);
    }

    // The speech has its length to the sample: a thousandth more, so that rounding doesn't cut it.
    private string[] End => ["-t", Text(seconds + 0.001)];

    private string[] Joining(string picturePath, string[] sound, int soundIndex, CarriedInput carried) =>
        [
            "-v",
            "error",
            "-hide_banner",
            "-nostdin",
            "-y",
            .. MediaFile.InputArguments(picturePath, null),
            .. sound,
            .. carried.Inputs,
            "-map",
            "0:v:0",
            "-map",
            string.Create(CultureInfo.InvariantCulture, $"1:{soundIndex}"),
            .. carried.Outputs(2),
            "-disposition:v:0",
            "default",
            "-disposition:a:0",
            "default",
            "-c:v:0",
            "copy",
            .. plan.Arguments,
        ];

    /// <summary>Decodes the speech and passes it on, silence first.</summary>
    /// <returns>Where it ends on the axis, in seconds; at most the picture's length.</returns>
    private async Task<double> FeedAsync(Stream target, CancellationToken cancellationToken)
    {
        AudioStreamInfo stream = audio.RequireAudio();
        await using ChildProcess decoding = ChildProcess.Start(
            tools.FfmpegPath,
            [
                "-v",
                "error",
                "-hide_banner",
                "-nostdin",
                .. audio.InputArguments,
                "-map",
                string.Create(CultureInfo.InvariantCulture, $"0:{stream.StreamIndex}"),
                "-af",
                AudioReader.OnTime,
                "-ar",
                Text(stream.SampleRate),
                "-ac",
                Text(stream.Channels),
                "-c:a",
                PcmCodec(stream.SampleFormat),
                "-f",
                "wav",
                "pipe:1",
                .. Companion(0),
            ],
            writesInput: false,
            cancellationToken
        );
        if (await CopyHeaderAsync(decoding.Output, target).ConfigureAwait(false) is not { } frameBytes)
        {
            return 0;
        }

        long wanted = (long)Math.Ceiling(seconds * stream.SampleRate) * frameBytes;
        long silence = Math.Min(wanted, (long)Math.Round(timeline.SoundStart.TotalSeconds * stream.SampleRate) * frameBytes);
        var block = new byte[BlockBytes];
        for (long left = silence; left > 0; left -= block.Length)
        {
            await target.WriteAsync(block.AsMemory(0, (int)Math.Min(left, block.Length)), cancellationToken).ConfigureAwait(false);
        }

        long total = silence;
        for (
            int count;
            total < wanted && (count = await decoding.Output.ReadAsync(block, CancellationToken.None).ConfigureAwait(false)) > 0;
            total += count
        )
        {
            await target.WriteAsync(block.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
        }

        cancellationToken.ThrowIfCancellationRequested();
        return Math.Min(total, wanted) / (double)frameBytes / stream.SampleRate;
    }

    /// <summary>Passes a WAV header on, up to the first sample.</summary>
    /// <returns>Bytes of one sample of all channels; null when there was no sound to write a header for.</returns>
    private static async Task<int?> CopyHeaderAsync(Stream source, Stream target)
    {
        var header = new byte[MaximumHeader];
        int length = 12;
        int frameBytes = 0;
        if (await source.ReadAtLeastAsync(header.AsMemory(0, length), length, throwOnEndOfStream: false).ConfigureAwait(false) < length)
        {
            return null;
        }

        while (true)
        {
            await source.ReadExactlyAsync(header.AsMemory(length, 8)).ConfigureAwait(false);
            ReadOnlyMemory<byte> chunk = header.AsMemory(length, 8);
            length += 8;
            if (chunk.Span.StartsWith("data"u8))
            {
                break;
            }

            int size = (int)Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(chunk.Span[4..]), MaximumHeader);
            if (length + size + 8 > header.Length)
            {
                throw new MediaException(MediaFault.ToolFailed, "The sound decoded by ffmpeg has no readable header.");
            }

            await source.ReadExactlyAsync(header.AsMemory(length, size)).ConfigureAwait(false);
            if (chunk.Span.StartsWith("fmt "u8))
            {
                frameBytes = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(length + 12));
            }

            length += size;
        }

        await target.WriteAsync(header.AsMemory(0, length)).ConfigureAwait(false);
        return Math.Max(1, frameBytes);
    }

    private string[] Companion(int input) =>
        timeline.IsShared && audio.Video is { } video ? MediaTimeline.Companion(input, video.StreamIndex) : [];

    /// <summary>PCM that holds every sample the decoder gives.</summary>
    private static string PcmCodec(string? sampleFormat) =>
        sampleFormat switch
        {
            "u8" or "u8p" or "s16" or "s16p" => "pcm_s16le",
            "s32" or "s32p" or "s64" or "s64p" => "pcm_s32le",
            _ => "pcm_f32le",
        };

    private static string Text(double number) => number.ToString("0.######", CultureInfo.InvariantCulture);
}
