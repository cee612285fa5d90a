using System.Diagnostics;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Media.Tests.Video;

/// <summary>The machine's ffmpeg for tests: skips when there is none, and makes clips with it.</summary>
internal static class Ffmpeg
{
    private static readonly Lazy<Task<FfmpegTools?>> Located = new(LocateAsync);

    public static async Task<FfmpegTools> RequireAsync()
    {
        FfmpegTools? tools = await Located.Value;
        Assert.SkipWhen(tools is null, "ffmpeg is not installed here.");
        return tools!;
    }

    /// <summary>Runs ffmpeg with the given arguments (inputs and output), overwriting, and demands success.</summary>
    public static async Task RunAsync(params string[] arguments) => await MadeFiles.GetAsync([], arguments, () => RunAsync([], arguments));

    /// <summary>Runs ffmpeg, feeding it bytes.</summary>
    public static async Task<byte[]> RunAsync(IEnumerable<byte[]> input, params string[] arguments)
    {
        FfmpegTools tools = await RequireAsync();
        var start = new ProcessStartInfo(tools.FfmpegPath, ["-v", "error", "-hide_banner", "-nostdin", "-y", .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using var output = new MemoryStream();
        Task copying = process.StandardOutput.BaseStream.CopyToAsync(output);
        foreach (byte[] part in input)
        {
            await process.StandardInput.BaseStream.WriteAsync(part);
        }

        process.StandardInput.Close();
        await copying;
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"ffmpeg {string.Join(' ', arguments)}: {await errors}");
        return output.ToArray();
    }

    /// <summary>Encodes numbered frames (see <see cref="FrameCode"/>).</summary>
    public static async Task EncodeNumberedAsync(string path, int width, int height, string rate, int frames, params string[] encoding)
    {
        string[] arguments =
        [
            "-f",
            "rawvideo",
            "-pixel_format",
            "rgb24",
            "-video_size",
            $"{width}x{height}",
            "-framerate",
            rate,
            "-i",
            "pipe:0",
            .. encoding,
            path,
        ];
        await MadeFiles.GetAsync(
            ["numbered", $"{frames}"],
            arguments,
            () => RunAsync(Enumerable.Range(0, frames).Select(i => FrameCode.Paint(width, height, i)), arguments)
        );
    }

    /// <summary>H.264 without visible loss.</summary>
    public static string[] Lossless => ["-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", "-pix_fmt", "yuv444p"];

    /// <summary>H.264 as cameras make it: halved chroma, B frames.</summary>
    public static string[] Usual => ["-c:v", "libx264", "-preset", "veryfast", "-crf", "12", "-pix_fmt", "yuv420p", "-bf", "2", "-g", "12"];

    private static async Task<FfmpegTools?> LocateAsync()
    {
        try
        {
            return await FfmpegTools.LocateAsync();
        }
        catch (FfmpegNotFoundException)
        {
            return null;
        }
    }
}
