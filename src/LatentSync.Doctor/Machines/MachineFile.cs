using System.Text;
using System.Text.Json;
using LatentSync.Attention.Machines;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Json;

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
    public static Machine Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        try
        {
            return Parse(InputFile.ReadAllBytes(path, LongestFile), path);
        }
        catch (InputFileException exception)
        {
            throw exception.Fault == InputFileFault.Missing
                ? new FileNotFoundException(exception.Message, path, exception)
                : new MachineDescriptionException($"The machine file {path} {exception.Problem}.", exception);
        }
    }

    /// <summary>Reads a file's content.</summary>
    /// <param name="utf8">JSON.</param>
    /// <param name="name">For messages.</param>
    /// <exception cref="MachineDescriptionException">It does not describe a machine.</exception>
    public static Machine Parse(ReadOnlyMemory<byte> utf8, string name)
    {
        try
        {
            using JsonDocument document = StrictJson.Parse(utf8, maxDepth: 16, isLenient: true);
            return MachineFileReader.Read(document.RootElement, name);
        }
        catch (JsonException failure)
        {
            throw new MachineDescriptionException(
                $"{name} is not JSON at {StrictJson.Place(failure)}: {StrictJson.Problem(failure)}; a machine file is what ⟦doctor SaveMachine=FILE.json⟧ writes.",
                failure
            );
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
        PartialFile.Write(path, Encoding.UTF8.GetBytes(ToJson(machine)));
    }

    /// <summary>The content of a file.</summary>
    /// <param name="machine">The machine. How its probes ended is not part of it.</param>
    public static string ToJson(MachineReport machine)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return JsonSerializer.Serialize(machine with { Probes = [], ProbeMilliseconds = null }, DoctorReport.Format) + "\n";
    }
}
