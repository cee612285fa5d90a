using LatentSync.Checkpoints.Files;

namespace LatentSync.Checkpoints;

/// <summary>A checkpoint that is split over several files (<c>model-00001-of-00003.safetensors</c>) with an index of them
/// (<c>model.safetensors.index.json</c>).</summary>
public sealed class ShardedArchive : TensorArchive
{
    private readonly List<TensorArchive> _shards = [];
    private readonly Dictionary<string, TensorArchive> _shardOf = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TensorInfo> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    /// <summary>Opens all files of an index.</summary>
    /// <param name="path">The index.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="CheckpointFormatException">The index is damaged, a file that it names is missing or damaged, a tensor is not where
    /// it says or lies in two files.</exception>
    public ShardedArchive(string path)
    {
        Path = System.IO.Path.GetFullPath(path);
        ShardIndex index = ShardIndex.Read(Path);
        string folder = System.IO.Path.GetDirectoryName(Path)!;
        try
        {
            foreach (string shard in index.Shards)
            {
                Add(System.IO.Path.Combine(folder, shard));
            }
            foreach ((string tensor, string shard) in index.Map)
            {
                if (!_shardOf.TryGetValue(tensor, out TensorArchive? archive) || archive.Path != System.IO.Path.Combine(folder, shard))
                {
                    throw new CheckpointFormatException(
                        Path,
                        $"the index places it in {CheckpointFormatException.Quote(shard)}, which does not hold it",
                        tensor,
                        "Files of two checkpoints are mixed, or one is damaged: download them again"
                    );
                }
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string Path { get; }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, TensorInfo> Tensors => _tensors;

    /// <summary>Of all files together; where two differ, the first one's.</summary>
    public override IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>Full paths of the files that hold the tensors.</summary>
    public IReadOnlyList<string> Shards => [.. _shards.Select(shard => shard.Path)];

    /// <summary>Full paths of the files that an index names, without opening them.</summary>
    /// <param name="path">The index.</param>
    /// <exception cref="CheckpointFormatException">The index is damaged.</exception>
    public static IReadOnlyList<string> ListShards(string path)
    {
        string full = System.IO.Path.GetFullPath(path);
        return [.. ShardIndex.Read(full).Shards.Select(shard => System.IO.Path.Combine(System.IO.Path.GetDirectoryName(full)!, shard))];
    }

    /// <inheritdoc/>
    public override void CopyTo(string name, TensorElementType elementType, Span<byte> destination)
    {
        if (!_shardOf.TryGetValue(name, out TensorArchive? shard))
        {
            throw new KeyNotFoundException($"{Path} has no tensor {CheckpointFormatException.Quote(name)}.");
        }
        shard.CopyTo(name, elementType, destination);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _shards.ForEach(shard => shard.Dispose());

    private void Add(string path)
    {
        TensorArchive shard;
        try
        {
            shard = OpenFile(path);
        }
        catch (FileNotFoundException exception)
        {
            throw new CheckpointFormatException(
                Path,
                $"the file {System.IO.Path.GetFileName(path)}, which the index names, is missing",
                remedy: "Download all files of the checkpoint into one folder",
                innerException: exception
            );
        }
        _shards.Add(shard);
        foreach ((string name, TensorInfo info) in shard.Tensors)
        {
            if (!_tensors.TryAdd(name, info))
            {
                throw new CheckpointFormatException(
                    Path,
                    $"it lies in two files, {System.IO.Path.GetFileName(_shardOf[name].Path)} and {System.IO.Path.GetFileName(path)}",
                    name
                );
            }
            _shardOf.Add(name, shard);
        }
        foreach ((string key, string value) in shard.Metadata)
        {
            _metadata.TryAdd(key, value);
        }
    }
}
