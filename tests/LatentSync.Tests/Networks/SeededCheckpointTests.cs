using System.Security.Cryptography;
using LatentSync.Checkpoints;
using LatentSync.Models.AudioEncoders;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.UNets;
using LatentSync.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Tests.Networks;

[Trait("Category", "Integration")]
public sealed class SeededCheckpointTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("latentsync-demo-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Write_Folder_HasTheOriginalsLayoutAndIsSmall()
    {
        SeededCheckpoint.Write(_folder, 3);
        Assert.All(SeededCheckpoint.Files, name => Assert.True(File.Exists(Path.Combine(_folder, name)), name));
        Assert.Equal(SeededCheckpoint.Files.Count, Directory.GetFiles(_folder, "*", SearchOption.AllDirectories).Length);
        Assert.InRange(SeededCheckpoint.Files.Sum(name => new FileInfo(Path.Combine(_folder, name)).Length), 1 << 20, 6 << 20);
        Assert.StartsWith("UNTRAINED", File.ReadAllText(Path.Combine(_folder, "README.txt")), StringComparison.Ordinal);
        using TensorArchive unet = TensorArchive.Open(Path.Combine(_folder, "latentsync_unet.pt"));
        Assert.Equal("0", unet.Metadata["global_step"]);
        Assert.Contains("state_dict.conv_in.weight", unet.Tensors.Keys);
    }

    [Fact]
    public void Write_SameSeed_GivesTheSameFiles_OtherSeedOthers()
    {
        string[] Hashes(string name, long seed)
        {
            string folder = Path.Combine(_folder, name);
            SeededCheckpoint.Write(folder, seed);
            return
            [
                .. SeededCheckpoint.Files.Select(f => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, f))))),
            ];
        }
        string[] first = Hashes("a", 5),
            again = Hashes("b", 5),
            other = Hashes("c", 6);
        Assert.Equal(first, again);
        Assert.NotEqual(first[0], other[0]);
        Assert.NotEqual(first[1], other[1]);
        Assert.NotEqual(first[3], other[3]);
    }

    [Fact]
    public void Write_Networks_LoadAndEveryInputMatters()
    {
        SeededCheckpoint.Write(_folder, 1);
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        LatentSyncConfiguration configuration = LatentSyncConfiguration.FromFile(Path.Combine(_folder, "config.yaml"));
        Assert.Equal(SeededCheckpoint.Resolution, configuration.Resolution);
        using UNet3DConditionModel unet = UNet3DConditionModel.Create(configuration.Model, ScalarType.Float32, CPU);
        using (TensorArchive archive = TensorArchive.Open(Path.Combine(_folder, "latentsync_unet.pt")))
        {
            UNetLoadReport report = UNetCheckpoint.Load(unet, archive);
            Assert.Empty(report.Missing);
            Assert.Empty(report.Unexpected);
        }
        unet.eval();
        using WhisperEncoder whisper = WhisperCheckpoint.Load(Path.Combine(_folder, "whisper", "tiny.pt"), ScalarType.Float32, CPU);
        Assert.Equal(configuration.Model.CrossAttentionDim, whisper.Configuration.AudioWidth);
        using AutoencoderKL autoencoder = AutoencoderFolder.Load(Path.Combine(_folder, "vae"), ScalarType.Float32, CPU);
        Assert.Equal(8, autoencoder.DownsamplingFactor);

        using Generator generator = new(1, CPU);
        Tensor sample = randn([1, 13, 3, 8, 8], generator: generator),
            tokens = randn([1, 3, 30, 64], generator: generator);
        Tensor noise = unet.forward(sample, tensor(501L), tokens);
        Assert.Equal([1, 4, 3, 8, 8], noise.shape);
        Assert.InRange(noise.abs().mean().ToSingle(), 1e-3, 10);
        Assert.True((unet.forward(sample, tensor(501L), tokens * -1) - noise).abs().max().ToSingle() > 1e-4, "the audio must matter");
        Assert.True(
            (unet.forward(sample.flip(2), tensor(501L), tokens.flip(1)).flip(2) - noise).abs().max().ToSingle() > 1e-4,
            "the order of frames must matter"
        );
        Tensor picture = autoencoder.Decode(autoencoder.Encode(randn([1, 3, 64, 64], generator: generator)).Mean);
        Assert.Equal([1, 3, 64, 64], picture.shape);
        Assert.True(picture.isfinite().all().ToBoolean());
    }
}
