using System.Collections.Frozen;
using System.Runtime.InteropServices;
using System.Text;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Foundation.Files;
using LatentSync.Platform.LibTorch;
using TorchSharp;

namespace LatentSync.Attention.Torch.Backends;

/// <summary>Which attention operators the loaded libtorch has, and with which arguments.</summary>
/// <remarks>
/// TorchScript that names an unknown operator cannot be compiled to find out: the error passes through TorchSharp's bridge uncaught and
/// ends the process (found by running it, TorchSharp 0.107). So the declarations are read from libtorch's file instead, where they are
/// plain text, once and only for a libtorch of another version than this program was built with. Measured: 0.4 s for 450 MB in the page
/// cache.
/// </remarks>
internal static class OperatorCatalog
{
    private const int BlockBytes = 8 << 20,
        LongestDeclaration = 4096;

    private static readonly Lazy<FrozenDictionary<string, OperatorSchema>?> Loaded = new(ReadLoaded);

    /// <summary>Makes sure that an operator can be called.</summary>
    /// <param name="name">Operator's name without its namespace.</param>
    /// <param name="positional">Declarations of the arguments that are given by position.</param>
    /// <param name="keywords">Declarations of those that are given by name.</param>
    /// <exception cref="ExternalException">It cannot, and why; a kernel failure like any other.</exception>
    internal static void Require(string name, IReadOnlyList<string> positional, IReadOnlyList<string> keywords)
    {
        if (Loaded.Value is { } schemas)
        {
            Require(schemas, Version(), name, positional, keywords);
        }
    }

    internal static void Require(
        IReadOnlyDictionary<string, OperatorSchema> schemas,
        string version,
        string name,
        IReadOnlyList<string> positional,
        IReadOnlyList<string> keywords
    )
    {
        string? mismatch = schemas.TryGetValue(name, out OperatorSchema? schema)
            ? schema.Mismatch(positional, keywords)
            : "no such operator";
        if (mismatch is not null)
        {
            throw new ExternalException(
                $"libtorch {version} has no operator {name} that can be called as this program calls it: {mismatch}."
            );
        }
    }

    /// <summary>Reads the declarations of all operators whose first argument is a query out of a binary.</summary>
    /// <param name="stream">The binary; read to its end.</param>
    internal static FrozenDictionary<string, OperatorSchema> Read(Stream stream)
    {
        ReadOnlySpan<byte> marker = "(Tensor query, "u8;
        var found = new Dictionary<string, OperatorSchema>(StringComparer.Ordinal);
        byte[] buffer = new byte[BlockBytes + 2 * LongestDeclaration];
        int kept = 0;
        while (stream.ReadAtLeast(buffer.AsSpan(kept), buffer.Length - kept, throwOnEndOfStream: false) is > 0 and var read)
        {
            ReadOnlySpan<byte> block = buffer.AsSpan(0, kept + read);
            for (int at = 0; block[at..].IndexOf(marker) is >= 0 and var next; at += next + marker.Length)
            {
                if (DeclarationAt(block, at + next) is { } schema)
                {
                    found.TryAdd(schema.Name, schema);
                }
            }
            // A declaration may lie across the border: its name before, its end behind.
            int tail = Math.Min(2 * LongestDeclaration, block.Length);
            block[^tail..].CopyTo(buffer);
            kept = tail;
        }
        return found.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static OperatorSchema? DeclarationAt(ReadOnlySpan<byte> block, int open)
    {
        int start = open;
        while (start > 0 && (char.IsAsciiLetterOrDigit((char)block[start - 1]) || block[start - 1] == '_'))
        {
            start--;
        }
        ReadOnlySpan<byte> text = block[start..Math.Min(start + LongestDeclaration, block.Length)];
        int end = text.IndexOf((byte)0);
        return end > 0 ? OperatorSchema.Parse(Encoding.UTF8.GetString(text[..end])) : null;
    }

    /// <summary>null when the libtorch is the one this program was built with, whose operators the tests compile, or when its file cannot
    /// be read: then the script has to try.</summary>
    private static FrozenDictionary<string, OperatorSchema>? ReadLoaded()
    {
        LibTorchLoad load = TorchRuntime.EnsureLoaded();
        if (load.Version is { } version && torch.__version__.StartsWith(version, StringComparison.Ordinal))
        {
            return null;
        }
        string file =
            OperatingSystem.IsWindows() ? "torch_cpu.dll"
            : OperatingSystem.IsMacOS() ? "libtorch_cpu.dylib"
            : "libtorch_cpu.so";
        try
        {
            using FileStream stream = InputFile.OpenRead(Path.Combine(load.Folder, file));
            FrozenDictionary<string, OperatorSchema> schemas = Read(stream);
            return schemas.Count > 0 ? schemas : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string Version() => TorchRuntime.EnsureLoaded().Version ?? "of unknown version";
}
