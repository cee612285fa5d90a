using LatentSync.Checkpoints.Files;
using LatentSync.Checkpoints.PyTorch;

namespace LatentSync.Checkpoints;

/// <summary>A file of Python's torch.save: the zip layout, or the one from before PyTorch 1.6.</summary>
/// <remarks>
/// The pickle inside is interpreted by a machine that knows dictionaries, lists, numbers, text and the names that rebuild tensors; any
/// other name is refused and nothing is executed, as with torch.load(weights_only=True).
/// </remarks>
public sealed class TorchArchive : TensorArchive
{
    private readonly CheckpointFile _file;
    private readonly StoredTensorReader _reader;
    private readonly IReadOnlyList<ZipEntry> _entries;

    /// <summary>Reads the structure of a PyTorch checkpoint.</summary>
    /// <param name="path">Path of the file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CheckpointFormatException">The file is damaged, malicious, or no PyTorch checkpoint.</exception>
    public TorchArchive(string path)
        : this(CheckpointFile.Open(path)) { }

    internal TorchArchive(CheckpointFile file)
    {
        _file = file;
        try
        {
            TorchContent content = CheckpointKinds.Recognize(file) switch
            {
                CheckpointKind.TorchZip => TorchZipFile.Read(file, PickleLimits.Default),
                CheckpointKind.TorchLegacy => TorchLegacyFile.Read(file, PickleLimits.Default),
                _ => throw file.Refuse("this is a safetensors file, not a PyTorch checkpoint"),
            };
            _reader = new StoredTensorReader(file, content.Tensors);
            _entries = [.. content.Entries.Where(e => e.Method == 0)];
            Metadata = content.Metadata;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Path => _file.Path;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, TensorInfo> Tensors => _reader.Infos;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Metadata { get; }

    /// <inheritdoc/>
    public override void CopyTo(string name, TensorElementType elementType, Span<byte> destination) =>
        _reader.CopyTo(name, elementType, destination);

    /// <summary>Reads the whole file and compares it with the checksums that it carries. The layout before PyTorch 1.6 has none.</summary>
    /// <param name="cancellationToken">Checked between the parts of the file.</param>
    /// <returns>Number of parts compared; 0 if the file has no checksums.</returns>
    /// <exception cref="CheckpointFormatException">A part differs from its checksum; the message names it.</exception>
    /// <remarks>
    /// Opening does not do this, as torch.load does not: reading gigabytes twice takes its time, and PyTorch can be told to write
    /// wrong checksums (torch.serialization.set_crc32_options).
    /// </remarks>
    public int VerifyChecksums(CancellationToken cancellationToken = default)
    {
        foreach (ZipEntry entry in _entries)
        {
            cancellationToken.ThrowIfCancellationRequested();
            TorchZipFile.VerifyChecksum(_file, entry);
        }
        return _entries.Count;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _file.Dispose();
}
