using System.Text;
using System.Text.Json;
using LatentSync.Attention.Selection;
using LatentSync.Platform;

namespace LatentSync.Doctor.Machines;

/// <summary>A machine as a JSON file: the <c>machine</c> object of <c>doctor --json</c>, alone or in the whole report.</summary>
public static class MachineFile
{
    /// <summary>Bytes of the longest file that is read: 1 MiB.</summary>
    public const int LongestFile = 1 << 20;

    /// <summary>Characters of the longest text in it.</summary>
    public const int LongestText = 300;

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="MachineDescriptionException">It is no such file; the message says where and why.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static Machine Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        byte[] content;
        using (FileStream stream = File.OpenRead(path))
        {
            if (stream.CanSeek && stream.Length > LongestFile)
            {
                throw TooLong(path);
            }
            byte[] buffer = new byte[LongestFile + 1];
            int length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            content = length <= LongestFile ? buffer[..length] : throw TooLong(path);
        }
        return Parse(content, path);
    }

    /// <summary>Reads a file's content.</summary>
    /// <param name="utf8">JSON.</param>
    /// <param name="name">For messages.</param>
    /// <exception cref="MachineDescriptionException">It does not describe a machine.</exception>
    public static Machine Parse(ReadOnlyMemory<byte> utf8, string name)
    {
        try
        {
            ReadOnlyMemory<byte> text = utf8.Span.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? utf8[3..] : utf8;
            using JsonDocument document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 16, CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            return MachineFileReader.Read(document.RootElement, name);
        }
        catch (JsonException failure)
        {
            string where = failure.LineNumber is { } line ? FormattableString.Invariant($" at line {line + 1}, byte {failure.BytePositionInLine + 1}") : "";
            throw new MachineDescriptionException($"{name} is not JSON{where}; a machine file is what \"latentsync doctor --save-machine FILE.json\" writes.", failure);
        }
    }

    /// <summary>Writes a file, whole or not at all.</summary>
    /// <param name="path">The file; an old one is replaced.</param>
    /// <param name="machine">The machine.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static void Write(string path, MachineReport machine)
    {
        ArgumentNullException.ThrowIfNull(path);
        WholeFile.Write(path, Encoding.UTF8.GetBytes(ToJson(machine)));
    }

    /// <summary>The content of a file.</summary>
    /// <param name="machine">The machine. How its probes ended is not part of it.</param>
    public static string ToJson(MachineReport machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return JsonSerializer.Serialize(machine with { Probes = [], ProbeMilliseconds = null }, DoctorReport.Format) + "\n";
    }

    private static MachineDescriptionException TooLong(string path) =>
        new(FormattableString.Invariant($"{path} is longer than {LongestFile >> 10} KiB: that is no machine file."));
}
