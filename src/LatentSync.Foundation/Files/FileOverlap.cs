using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Files;

/// <summary>Keeps what is written apart from what is read. Files are the same when the file system says so, whatever they are
/// called.</summary>
public static class FileOverlap
{
    private const int MaximumFiles = 100_000;

    private static readonly HashSet<string> ModelExtensions = new(StringComparer.OrdinalIgnoreCase)
    {
        ".pt",
        ".pth",
        ".ckpt",
        ".safetensors",
        ".bin",
        ".model",
        ".onnx",
        ".xml",
        ".so",
        ".dll",
        ".dylib",
    };
    private static readonly HashSet<string> DescriptionExtensions = new(StringComparer.OrdinalIgnoreCase)
    {
        ".json",
        ".yaml",
        ".yml",
        ".txt",
    };

    private static readonly EnumerationOptions Everything = new()
    {
        RecurseSubdirectories = true,
        MaxRecursionDepth = 8, // a link to a folder above must not lead round for ever
        IgnoreInaccessible = true,
        AttributesToSkip = 0,
    };

    /// <summary>Refuses an output that is an input.</summary>
    /// <param name="inputs">Files that are read, and folders whose models and configurations are.</param>
    /// <param name="outputs">Files that will be written; they need not exist.</param>
    /// <exception cref="OutputIsInputException">Names both.</exception>
    public static void Refuse(IEnumerable<NamedPath> inputs, IEnumerable<NamedPath> outputs)
    {
        NamedPath[] read = [.. inputs.Where(input => !string.IsNullOrEmpty(input.Path))];
        foreach (NamedPath output in outputs.Where(output => !string.IsNullOrEmpty(output.Path)))
        {
            if (FileStatus.Of(output.Path!) is { } status)
            {
                RefuseExisting(read, output, status.Identity);
            }
            else if (
                read.Where(input => IsSamePath(input.Path!, output.Path!)).Select(input => (NamedPath?)input).FirstOrDefault() is
                { } missing
            )
            {
                throw Overlap(output, missing, missing.Path!);
            }
        }
    }

    /// <summary>Two names mean one file or folder; also when it is not there yet.</summary>
    public static bool IsSame(string first, string second) =>
        (FileStatus.Of(first), FileStatus.Of(second)) switch
        {
            ({ } a, { } b) => a.Identity == b.Identity,
            (null, null) => IsSamePath(first, second),
            _ => false,
        };

    private static void RefuseExisting(NamedPath[] inputs, NamedPath output, FileIdentity identity)
    {
        foreach (NamedPath input in inputs)
        {
            FileStatus? status = FileStatus.Of(input.Path!);
            if (status?.Identity == identity)
            {
                throw Overlap(output, input, input.Path!);
            }
            if (status?.Kind != FileKind.Folder)
            {
                continue;
            }
            foreach (
                string file in Directory
                    .EnumerateFiles(input.Path!, "*", Everything)
                    .Take(MaximumFiles)
                    .Where(file => IsReadOfAFolder(file, output.Path!))
            )
            {
                if (FileStatus.Of(file)?.Identity == identity)
                {
                    throw Overlap(output, input, file);
                }
            }
        }
    }

    // A result may well lie in a folder of models: it is none of them, unless it is one under another name.
    private static bool IsReadOfAFolder(string file, string output) =>
        ModelExtensions.Contains(Path.GetExtension(file))
        || (DescriptionExtensions.Contains(Path.GetExtension(file)) && !IsSamePath(file, output));

    private static bool IsSamePath(string first, string second) =>
        ResolvedPath.Of(first) is { } a && ResolvedPath.Of(second) is { } b && string.Equals(a, b, StringComparison.Ordinal);

    private static OutputIsInputException Overlap(NamedPath output, NamedPath input, string file) =>
        new(
            $"{output.Name} is the same file as {input.Name}: {PrintableText.Quote(output.Path!)} and {PrintableText.Quote(file)} are one file, which would be overwritten; choose another name for the output."
        );
}
