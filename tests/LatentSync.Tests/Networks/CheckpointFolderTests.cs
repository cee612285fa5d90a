using LatentSync.Networks;
using LatentSync.Testing;

namespace LatentSync.Tests.Networks;

/// <summary>Under which names the parts of a checkpoint are found.</summary>
public sealed class CheckpointFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("latentsync_unet.pt", "whisper/tiny.pt")]
    [InlineData("latentsync_unet.safetensors.index.json", "tiny.fp16.pt")]
    [InlineData("latentsync_unet.fp16.safetensors", "whisper/small.safetensors")]
    [InlineData("latentsync_unet.bf16.pt", "small.pt.index.json")]
    public void Find_OneFileSplitOrVariant_IsFound(string unet, string whisper)
    {
        foreach (string name in (string[])[unet, whisper, "vae/config.json"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_folder.File(name))!);
            File.WriteAllText(_folder.File(name), "{}");
        }
        CheckpointFolder found = CheckpointFolder.Find(_folder.Path);
        Assert.Equal((_folder.File(unet), _folder.File(whisper)), (found.UNet, found.Whisper));

        File.WriteAllText(_folder.File("latentsync_unet.pt"), "");
        Assert.Equal(_folder.File("latentsync_unet.pt"), CheckpointFolder.Find(_folder.Path).UNet);
    }
}
