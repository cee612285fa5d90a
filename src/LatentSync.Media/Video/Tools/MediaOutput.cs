using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;

namespace LatentSync.Media.Video.Tools;

/// <summary>The files that media are written to, and what can be wrong with them in this layer's words.</summary>
internal static class MediaOutput
{
    /// <summary>Begins a file beside its target.</summary>
    /// <exception cref="MediaException"><see cref="MediaFault.OutputFolder"/>, <see cref="MediaFault.DiskFull"/>.</exception>
    public static PartialFile Begin(string path)
    {
        try
        {
            return new PartialFile(path);
        }
        catch (IOException e)
        {
            throw Failure(e, path);
        }
    }

    /// <summary>Moves a finished file into place.</summary>
    /// <exception cref="MediaException"><see cref="MediaFault.OutputFolder"/>: the target cannot be replaced; <see
    /// cref="MediaFault.OutputLost"/>; <see cref="MediaFault.DiskFull"/>.</exception>
    public static void Publish(PartialFile file, string path)
    {
        if (!file.IsThere)
        {
            throw Lost(path);
        }
        try
        {
            file.MoveIntoPlace();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failure(e, path);
        }
    }

    /// <summary>What writing a file failed of.</summary>
    public static MediaException Failure(Exception error, string path) =>
        PartialFile.IsDiskFull(error)
            ? new MediaException(
                MediaFault.DiskFull,
                $"The disk is full while writing {PrintableText.Quote(path)}: free some space or choose another folder; nothing was replaced.",
                path,
                error
            )
            : new MediaException(
                MediaFault.OutputFolder,
                error is OutputPathException known
                    ? known.Text
                    : $"The output {PrintableText.Quote(path)} cannot be written: {error.Message}",
                path,
                error
            );

    /// <summary>The unfinished file went away under our hands.</summary>
    public static MediaException Lost(string path) =>
        new(
            MediaFault.OutputLost,
            $"The unfinished file of {PrintableText.Quote(path)} is gone: it or its folder was removed during the run; run again and leave the folder alone.",
            path
        );
}
