using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;
using Microsoft.Win32.SafeHandles;

namespace LatentSync.Checkpoints.Files;

/// <summary>An opened file, read at any position by any number of threads.</summary>
/// <remarks>
/// Positional reads instead of a memory mapping: a mapped file that another process truncates kills this process with a bus error,
/// a read of it ends in an exception; and blocks that are converted anyway stay in the processor's cache.
/// </remarks>
internal sealed class CheckpointFile : IDisposable
{
    private readonly SafeFileHandle _handle;

    private CheckpointFile(string path, SafeFileHandle handle, long length)
    {
        Path = path;
        _handle = handle;
        Length = length;
    }

    /// <summary>Full path.</summary>
    public string Path { get; }

    /// <summary>Bytes in the file when it was opened.</summary>
    public long Length { get; }

    public static CheckpointFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string fullPath = System.IO.Path.GetFullPath(path);
        SafeFileHandle handle;
        try
        {
            handle = InputFile.OpenHandle(fullPath, share: FileShare.Read | FileShare.Delete);
        }
        catch (InputFileException exception)
        {
            throw exception.Fault switch
            {
                InputFileFault.Missing => new FileNotFoundException(Sentence.Say($"{fullPath}: there is no such file."), fullPath),
                InputFileFault.Folder => new CheckpointFormatException(
                    fullPath,
                    "this is a folder, not a checkpoint file",
                    remedy: "Name the .safetensors, .pt or .bin file inside it"
                ),
                InputFileFault.NotRegular => new CheckpointFormatException(
                    fullPath,
                    $"this {exception.Problem}",
                    innerException: exception
                ),
                _ => exception,
            };
        }
        if (RandomAccess.GetLength(handle) is > 0 and long length)
        {
            return new CheckpointFile(fullPath, handle, length);
        }
        handle.Dispose();
        throw new CheckpointFormatException(fullPath, "the file is empty", remedy: "Download or copy it again");
    }

    /// <summary>Fills the destination from a position.</summary>
    /// <exception cref="CheckpointFormatException">The file ends before.</exception>
    public void ReadExactly(long offset, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            int read = RandomAccess.Read(_handle, destination, offset);
            if (read == 0)
            {
                throw Refuse(
                    $"the file ends at byte {offset}, {destination.Length} bytes too early",
                    remedy: "It is truncated: download or copy it again"
                );
            }
            destination = destination[read..];
            offset += read;
        }
    }

    /// <summary>The exception for this file; the caller throws it.</summary>
    public CheckpointFormatException Refuse(
        Sentence problem,
        string? tensorName = null,
        Sentence? remedy = null,
        Exception? inner = null
    ) => new(Path, problem, tensorName, remedy, inner);

    public void Dispose() => _handle.Dispose();
}
