using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Video.Probing;

/// <summary>What can be said about an input file before ffmpeg sees it, and how its path is given to ffmpeg.</summary>
internal static class MediaFile
{
    /// <summary>The demuxers that may open an input: containers that hold their own media. Playlists and scripts (hls, dash, concat, sdp,
    /// lavfi, image2's file patterns) are absent, so that no file can make ffmpeg open or fetch another one.</summary>
    private const string AllowedFormats =
        "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,asf,asf_o,rm,mxf,gxf,dv,nut,nsv,wtv,"
        + "ogg,ivf,obu,yuv4mpegpipe,h263,h264,hevc,vvc,m4v,vc1,av1,mjpeg,gif,apng,swf,bink,smk,"
        + "wav,w64,mp3,aac,ac3,eac3,dts,dtshd,truehd,mlp,flac,alac,aiff,au,caf,voc,wv,tta,ape,tak,"
        + "mpc,mpc8,amr,amrnb,amrwb,gsm,loas,latm,spdif,dsf,shn,"
        + "png_pipe,jpeg_pipe,bmp_pipe,webp_pipe,tiff_pipe,gif_pipe,jpegxl_pipe,jpegxl_anim,j2k_pipe,exr_pipe,hdr_pipe,qoi_pipe,psd_pipe,"
        + "dds_pipe,dpx_pipe,sgi_pipe,sunrast_pipe,pam_pipe,pbm_pipe,pgm_pipe,ppm_pipe,pcx_pipe";

    /// <summary>Checks that a path names a readable file with content.</summary>
    /// <returns>The full path.</returns>
    /// <exception cref="MediaException">Missing, a folder, empty, or unreadable.</exception>
    public static string RequireReadable(string path)
    {
        if (string.IsNullOrWhiteSpace(path) || path.Contains('\0'))
        {
            throw new MediaException(
                MediaFault.Missing,
                "The name of an input file is empty: give the path of a video or audio file.",
                path
            );
        }

        if (OutputPath.IsAddress(path))
        {
            throw new MediaException(
                MediaFault.Missing,
                $"{Show(path)} is a network address; only local files are read: download it first.",
                path
            );
        }

        try
        {
            using FileStream file = InputFile.OpenRead(path);
            return file.Length > 0
                ? Path.GetFullPath(path)
                : throw new MediaException(MediaFault.Empty, $"{Show(path)} is empty (0 bytes): give a complete file.", path);
        }
        catch (InputFileException e)
        {
            (MediaFault fault, Sentence? remedy) = e.Fault switch
            {
                InputFileFault.Missing => (MediaFault.Missing, (Sentence)"check the name"),
                InputFileFault.Folder => (MediaFault.Folder, "name a video or audio file in it"),
                _ => (MediaFault.Unreadable, null),
            };
            throw new MediaException(
                fault,
                remedy is null ? (Sentence)$"{Show(path)} {e.Problem}." : $"{Show(path)} {e.Problem}: {remedy}.",
                path,
                e
            );
        }
    }

    /// <summary>ffmpeg's and ffprobe's arguments for an input. The path is taken literally: the prefix "file:" stops "http:", "concat:" and
    /// a leading dash, the whitelists stop what is inside the file, and a picture's own demuxer stops "%d" from naming a series.</summary>
    /// <param name="fullPath">A full path.</param>
    /// <param name="pictureDemuxer">Result of <see cref="PictureDemuxer"/>.</param>
    public static string[] InputArguments(string fullPath, string? pictureDemuxer) =>
        [
            "-protocol_whitelist",
            "file,pipe",
            "-format_whitelist",
            AllowedFormats,
            .. pictureDemuxer is null ? Array.Empty<string>() : ["-f", pictureDemuxer],
            "-i",
            "file:" + fullPath,
        ];

    /// <summary>The demuxer that reads a still picture by its first bytes; null when the file is no PNG, JPEG, BMP, WebP or TIFF
    /// picture.</summary>
    public static string? PictureDemuxer(string fullPath)
    {
        ReadOnlySpan<byte> bytes = Head(fullPath);
        if (bytes.StartsWith(PngSignature))
        {
            return bytes.IndexOf("acTL"u8) >= 0 ? null : "png_pipe"; // with acTL it is an animation
        }

        string extension = Path.GetExtension(fullPath).ToLowerInvariant();
        return bytes switch
        {
            [0xFF, 0xD8, 0xFF, ..] => extension is ".mjpeg" or ".mjpg" ? null : "jpeg_pipe", // a raw stream of JPEGs begins like one JPEG
            [(byte)'B', (byte)'M', _, _, _, _, 0, 0, 0, 0, ..] => "bmp_pipe",
            [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, (byte)'W', (byte)'E', (byte)'B', (byte)'P', ..] =>
                PictureFormat.IsAnimatedWebP(bytes) ? null : "webp_pipe",
            [(byte)'I', (byte)'I', 42, 0, ..] or [(byte)'M', (byte)'M', 0, 42, ..] => "tiff_pipe",
            _ => null,
        };
    }

    /// <summary>The first 8 KiB.</summary>
    public static byte[] Head(string fullPath)
    {
        var head = new byte[8192];
        using FileStream stream = InputFile.OpenRead(fullPath);
        return head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
    }

    private static ReadOnlySpan<byte> PngSignature => [0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10];

    /// <summary>A path as it appears in messages: quoted, control characters visible.</summary>
    public static string Show(string path) => PrintableText.Quote(path);
}
