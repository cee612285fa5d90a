using System.Text;
using TextMutation = LatentSync.Testing.TextMutation;

namespace LatentSync.Checkpoints.Tests;

/// <summary>Weights split over several files with an index, and the names that weights have in a folder.</summary>
public sealed class ShardedArchiveTests : IDisposable
{
    private const string Index =
        """{"metadata": {"total_size": 24}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00001-of-00002.safetensors", "c": "model-00002-of-00002.safetensors"}}""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_Index_GivesTheTensorsOfAllFiles()
    {
        WriteShards();
        using TensorArchive archive = TensorArchive.Open(WriteIndex(Index));

        Assert.Equal(["a", "b", "c"], archive.Tensors.Keys.Order());
        Assert.Equal("pt", archive.Metadata["format"]);
        Assert.Equal((1f, 3f), (Read(archive, "a"), Read(archive, "c")));
        Assert.Equal(
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
            Assert.IsType<ShardedArchive>(archive).Shards.Select(Path.GetFileName)
        );
        Assert.Throws<KeyNotFoundException>(() => Read(archive, "d"));
        Assert.Equal(3, WeightsFile.Files(archive.Path).Count);
    }

    [Fact]
    public void Open_IndexWithLongMetadata_IsRecognisedByItsName()
    {
        WriteShards();
        using TensorArchive archive = TensorArchive.Open(
            WriteIndex(Index.Replace("24", $"24, \"remark\": \"{new string('x', 4000)}\"", StringComparison.Ordinal))
        );
        Assert.Equal(3, archive.Tensors.Count);
    }

    [Fact]
    public void Open_FileMissing_NamesIt()
    {
        WriteShards();
        File.Delete(_folder.File("model-00002-of-00002.safetensors"));
        Refusals.Of(WriteIndex(Index), "model-00002-of-00002.safetensors", "missing", "Download all files");
    }

    [Theory]
    [InlineData("../model.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("sub/model.safetensors")]
    [InlineData("..\\\\model.safetensors")]
    [InlineData("C:model.safetensors")]
    [InlineData("..")]
    [InlineData("")]
    public void Open_NameOutsideTheFolder_IsRefused(string name) =>
        Refusals.Of(WriteIndex($$$"""{"weight_map": {"a": "{{{name}}}"}}"""), "a file of its own folder");

    [Theory]
    [InlineData("""{"weight_map": {}}""", "1 to")]
    [InlineData("""{"weight_map": []}""", "1 to")]
    [InlineData("""{"weight_map": {"a": 1}}""", "a file of its own folder")]
    [InlineData("""{"weight_map": {"a": "x", "a": "y"}}""", "occurs twice")]
    [InlineData("""{"weight_map": {"\ud800": "x"}}""", "line 1, byte 17")]
    [InlineData("""{"weight_map": {""", "line 1, byte")]
    public void Open_DamagedIndex_IsRefused(string text, string reason) => Refusals.Of(WriteIndex(text), reason);

    [Fact]
    public void Open_TensorInTwoFilesOrInNone_IsRefused()
    {
        WriteShards();
        WriteShard("model-00002-of-00002.safetensors", ("c", 3), ("a", 4));
        Refusals.Of(WriteIndex(Index), "\"a\"", "in two files", "model-00001-of-00002.safetensors");
        WriteShard("model-00002-of-00002.safetensors", ("d", 3));
        Refusals.Of(WriteIndex(Index), "\"c\"", "does not hold it");
    }

    [Fact]
    public void Open_IndexThatNamesAnIndex_IsRefused()
    {
        _folder.Write("other.index.json", Encoding.UTF8.GetBytes(Index));
        CheckpointFormatException refusal = Assert.Throws<CheckpointFormatException>(() =>
            TensorArchive.Open(WriteIndex("""{"weight_map": {"a": "other.index.json"}}"""))
        );
        Assert.Contains("named by another index", refusal.Message, StringComparison.Ordinal);
        Assert.Throws<CheckpointFormatException>(() =>
            TensorArchive.Open(WriteIndex("""{"weight_map": {"a": "model.safetensors.index.json"}}"""))
        );
    }

    [Fact]
    public void Open_MutatedIndex_OpensOrIsRefused()
    {
        WriteShards();
        int opened = TextMutation
            .Of(Index, seed: 9, count: 500)
            .Count(mutant =>
            {
                try
                {
                    TensorArchive.Open(WriteIndex(mutant)).Dispose();
                    return true;
                }
                catch (CheckpointFormatException)
                {
                    return false;
                }
            });
        Assert.InRange(opened, 1, 499);
    }

    [Fact]
    public void Find_SeveralNames_TakesFullPrecisionFirst()
    {
        string[] worstFirst =
        [
            "w.bf16.bin",
            "w.safetensors.index.bf16.json",
            "w.bf16.safetensors",
            "w.safetensors.fp16.index.json",
            "w.fp16.safetensors.index.json",
            "w.fp16.safetensors",
            "w.bin.index.json",
            "w.bin",
            "w.safetensors.index.json",
            "w.safetensors",
        ];
        Assert.Null(WeightsFile.Find(_folder.Path, "w", ".safetensors", ".bin"));
        foreach (string name in worstFirst)
        {
            _folder.Write(name, [1]);
            Assert.Equal(_folder.File(name), WeightsFile.Find(_folder.Path, "w", ".safetensors", ".bin"));
        }
    }

    private static float Read(TensorArchive archive, string name)
    {
        byte[] bytes = new byte[4];
        archive.CopyTo(name, TensorElementType.Float32, bytes);
        return BitConverter.ToSingle(bytes);
    }

    private string WriteIndex(string text) => _folder.Write("model.safetensors.index.json", Encoding.UTF8.GetBytes(text));

    private void WriteShards()
    {
        WriteShard("model-00001-of-00002.safetensors", ("a", 1), ("b", 2));
        WriteShard("model-00002-of-00002.safetensors", ("c", 3));
    }

    private void WriteShard(string name, params (string Name, float Value)[] tensors)
    {
        IEnumerable<string> entries = tensors.Select(
            (t, i) => $"\"{t.Name}\":{{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[{4 * i},{(4 * i) + 4}]}}"
        );
        _folder.Write(
            name,
            SafetensorsBytes.Make(
                Encoding.UTF8.GetBytes($"{{\"__metadata__\":{{\"format\":\"pt\"}},{string.Join(',', entries)}}}"),
                [.. tensors.SelectMany(t => BitConverter.GetBytes(t.Value))]
            )
        );
    }
}
