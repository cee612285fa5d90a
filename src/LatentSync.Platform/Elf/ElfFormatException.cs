namespace LatentSync.Platform.Elf;

/// <summary>A file is not a well-formed 64-bit little-endian ELF library: the message says what is wrong where.</summary>
internal sealed class ElfFormatException : IOException
{
    /// <summary>Makes the exception.</summary>
    /// <param name="file">The file, for the message.</param>
    /// <param name="problem">What is wrong, with the offset, as one clause.</param>
    public ElfFormatException(string file, string problem)
        : base($"{file} is not a usable ELF library: {problem}.") => File = file;

    /// <summary>The file.</summary>
    public string File { get; }
}
