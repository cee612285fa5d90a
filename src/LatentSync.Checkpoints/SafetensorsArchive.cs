using LatentSync.Checkpoints.Files;
using LatentSync.Checkpoints.Safetensors;

namespace LatentSync.Checkpoints;

/// <summary>A .safetensors file.</summary>
/// <remarks>
/// Checked as strictly as by the reference implementation (github.com/huggingface/safetensors): the header is at most 100 MB, and the
/// tensors cover the rest of the file without gap or overlap.
/// </remarks>
public sealed class SafetensorsArchive : TensorArchive
{
    private readonly CheckpointFile _file;
    private readonly StoredTensorReader _reader;

    /// <summary>Reads the header of a safetensors file.</summary>
    /// <param name="path">Path of the file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CheckpointFormatException">The file is damaged or no safetensors file.</exception>
    public SafetensorsArchive(string path)
        : this(CheckpointFile.Open(path)) { }

    internal SafetensorsArchive(CheckpointFile file)
    {
        _file = file;
        try
        {
            if (CheckpointKinds.Recognize(file) != CheckpointKind.Safetensors)
            {
                throw file.Refuse("this is a PyTorch checkpoint, not a safetensors file");
            }
            SafetensorsHeader header = SafetensorsHeader.Read(file);
            _reader = new StoredTensorReader(file, header.Tensors);
            Metadata = header.Metadata;
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

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _file.Dispose();
}
