using System.Text;
using LatentSync.Foundation.Wording;
using Microsoft.Win32.SafeHandles;

namespace LatentSync.Foundation.Files;

/// <summary>The one way to open a file that a user named: links are followed, only a regular file is opened, and no more is read than was
/// allowed. A pipe would be waited for without end, and a device such as /dev/zero never ends.</summary>
/// <remarks>Every member throws <see cref="InputFileException"/>, an <see cref="IOException"/>, and nothing else for whatever is wrong with
/// the file.</remarks>
public static class InputFile
{
    private const int BufferBytes = 1 << 16;

    /// <summary>Checks that a path names a regular file that may be opened.</summary>
    /// <param name="path">Any path.</param>
    /// <param name="maxBytes">A longer file is refused.</param>
    /// <returns>The full path, links not resolved: for programs and libraries that open the file themselves.</returns>
    public static string Require(string path, long maxBytes = long.MaxValue)
    {
        using SafeFileHandle handle = OpenHandle(path, maxBytes);
        return Path.GetFullPath(path);
    }

    /// <summary>Opens a file for reads at any position.</summary>
    /// <param name="path">Any path.</param>
    /// <param name="maxBytes">A longer file is refused.</param>
    /// <param name="share">What others may do with the file meanwhile.</param>
    public static SafeFileHandle OpenHandle(
        string path,
        long maxBytes = long.MaxValue,
        FileShare share = FileShare.ReadWrite | FileShare.Delete
    )
    {
        string full = CheckKind(path);
        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(full, FileMode.Open, FileAccess.Read, share);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Missing(path, full, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw Unreadable(path, exception);
        }
        try
        {
            long length = RandomAccess.GetLength(handle);
            return length <= maxBytes ? handle : throw TooLarge(path, $"has {length} bytes", maxBytes);
        }
        catch (NotSupportedException)
        {
            handle.Dispose();
            throw NotRegular(path); // what the name stands for was exchanged since it was looked at
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Opens a file as a stream.</summary>
    /// <param name="path">Any path.</param>
    /// <param name="maxBytes">A longer file is refused.</param>
    public static FileStream OpenRead(string path, long maxBytes = long.MaxValue) =>
        new(OpenHandle(path, maxBytes), FileAccess.Read, BufferBytes);

    /// <summary>Reads a whole file.</summary>
    /// <param name="path">Any path.</param>
    /// <param name="maxBytes">A longer file is refused, also one that grows while it is read or does not know its length.</param>
    public static byte[] ReadAllBytes(string path, int maxBytes)
    {
        using SafeFileHandle handle = OpenHandle(path, maxBytes);
        byte[] bytes = new byte[Math.Min(maxBytes, (int)RandomAccess.GetLength(handle)) + 1];
        int count = 0;
        try
        {
            while (true)
            {
                int read = RandomAccess.Read(handle, bytes.AsSpan(count), count);
                count += read;
                if (read == 0)
                {
                    return bytes[..count];
                }
                if (count > maxBytes)
                {
                    throw TooLarge(path, "is longer", maxBytes);
                }
                if (count == bytes.Length)
                {
                    Array.Resize(ref bytes, (int)Math.Min(maxBytes + 1L, Math.Max(4096L, 2L * count)));
                }
            }
        }
        catch (Exception exception) when (exception is UnauthorizedAccessException || (exception is IOException and not InputFileException))
        {
            throw Unreadable(path, exception);
        }
    }

    /// <summary>Reads a text file: UTF-8, or UTF-16 with a byte order mark, which is taken off.</summary>
    /// <param name="path">Any path.</param>
    /// <param name="maxBytes">A longer file is refused.</param>
    public static string ReadAllText(string path, int maxBytes)
    {
        byte[] bytes = ReadAllBytes(path, maxBytes);
        Encoding encoding = bytes switch
        {
            [0xFF, 0xFE, ..] => new UnicodeEncoding(bigEndian: false, byteOrderMark: true, throwOnInvalidBytes: true),
            [0xFE, 0xFF, ..] => new UnicodeEncoding(bigEndian: true, byteOrderMark: true, throwOnInvalidBytes: true),
            _ => new UTF8Encoding(encoderShouldEmitUTF8Identifier: true, throwOnInvalidBytes: true),
        };
        int mark = bytes.AsSpan().StartsWith(encoding.Preamble) ? encoding.Preamble.Length : 0;
        try
        {
            return encoding.GetString(bytes, mark, bytes.Length - mark);
        }
        catch (DecoderFallbackException exception)
        {
            throw new InputFileException(InputFileFault.NotText, path, $"is no text in UTF-8 (byte {mark + exception.Index})", exception);
        }
    }

    /// <summary>The lines of a text file.</summary>
    /// <param name="path">Any path.</param>
    /// <param name="maxBytes">A longer file is refused.</param>
    public static IEnumerable<string> ReadLines(string path, int maxBytes)
    {
        using var reader = new StringReader(ReadAllText(path, maxBytes));
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }

    private static string CheckKind(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (string.IsNullOrWhiteSpace(path) || path.Contains('\0', StringComparison.Ordinal))
        {
            throw new InputFileException(InputFileFault.Missing, path, "is no name of a file");
        }
        string full = Path.GetFullPath(path);
        return FileStatus.Of(full)?.Kind switch
        {
            FileKind.Regular when !IsDescriptor(full) => full,
            FileKind.Folder => throw new InputFileException(InputFileFault.Folder, path, "is a folder, a file is required"),
            null => throw Missing(path, full, null),
            _ => throw NotRegular(path),
        };
    }

    // A program that is given such a name reads its own standard input.
    private static bool IsDescriptor(string full) =>
        full is "/dev/stdin"
        || full.StartsWith("/dev/fd/", StringComparison.Ordinal)
        || (full.StartsWith("/proc/", StringComparison.Ordinal) && full.Contains("/fd/", StringComparison.Ordinal));

    private static InputFileException NotRegular(string path) =>
        new(
            InputFileFault.NotRegular,
            path,
            "is a pipe, a device or standard input, which cannot be read here: write it to a file and give that file"
        );

    private static InputFileException Missing(string path, string full, Exception? inner) =>
        new(InputFileFault.Missing, path, full == path ? (Sentence)"does not exist" : $"does not exist (looked for {full})", inner);

    private static InputFileException Unreadable(string path, Exception exception) =>
        new(InputFileFault.Unreadable, path, $"cannot be read: {exception.Message.TrimEnd('.')}", exception);

    private static InputFileException TooLarge(string path, Sentence found, long maxBytes) =>
        new(InputFileFault.TooLarge, path, $"{found}; at most {maxBytes} bytes are accepted");
}
