using LatentSync.Media.Audio;
using LatentSync.Models.Autoencoders;
using LatentSync.Models.SyncNets;
using LatentSync.Training.Datasets;
using LatentSync.Training.Loops.SyncNets;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Tests.SyncNets;

[Trait("Category", "Integration")]
public sealed class SyncNetBatchesTests(TalkingHeads heads) : IClassFixture<TalkingHeads>
{
    [Fact]
    public async Task Draw_AnyBatch_HoldsTheLowerHalvesAndTheSpeechOfItsWindows()
    {
        using FaceClipLibrary library = await OpenAsync(TalkingHeads.Network);
        using StableSyncNet network = Network();
        using SyncNetBatch batch = await new SyncNetBatches(library, network).DrawAsync(7, 3, 0, 6);
        using DisposeScope scope = NewDisposeScope();

        Assert.Equal([6, 15, 32, 64], batch.Visual.shape);
        Assert.Equal([6, 1, 80, 16], batch.Audio.shape);
        for (int i = 0; i < 6; i++)
        {
            SyncWindow window = batch.Windows[i];
            Assert.Equal(window.SpeechStart == window.FrameStart ? 1f : 0f, batch.Labels[i].item<float>());
            Tensor frames = window.Clip.Frames(window.FrameStart, 5); // (5, 3, 64, 64)
            for (int channel = 0; channel < 15; channel++)
            {
                Assert.True(batch.Visual[i, channel].equal(frames[channel / 3, channel % 3, 32..64]).all().item<bool>());
            }
            SyncNetMel mel = SyncNetMelSpectrogram.Compute(window.Clip.Speech);
            int start = (int)(80.0 * window.SpeechStart / 25);
            for (int band = 0; band < 80; band += 11)
            {
                Assert.Equal(mel.Values[(band * mel.Columns) + start + 15], batch.Audio[i, 0, band, 15].item<float>());
            }
        }
    }

    [Fact]
    public async Task Draw_SameNumbers_GiveTheSameBatchInOneOrTwoParts()
    {
        using FaceClipLibrary library = await OpenAsync(TalkingHeads.Network);
        using StableSyncNet network = Network();
        SyncNetBatches batches = new(library, network);
        using SyncNetBatch whole = await batches.DrawAsync(7, 3, 0, 4);
        using SyncNetBatch second = await batches.DrawAsync(7, 3, 2, 2);
        using SyncNetBatch other = await batches.DrawAsync(7, 4, 2, 2);
        using DisposeScope scope = NewDisposeScope();

        Assert.True(whole.Visual.narrow(0, 2, 2).allclose(second.Visual));
        Assert.True(whole.Audio.narrow(0, 2, 2).allclose(second.Audio));
        Assert.False(other.Visual.allclose(second.Visual));
    }

    [Fact]
    public async Task Draw_NetworkThatSeesLatents_GetsScaledLatentsOfTheFrames()
    {
        SyncNetConfiguration configuration = TalkingHeads.Network with
        {
            LatentSpace = true,
            LowerHalf = false,
            Visual = TalkingHeads.Network.Visual with
            {
                InChannels = 20,
                BlockOutChannels = [32, 32, 64],
                DownsampleFactors = [2, 2, 2],
                AttentionBlocks = [false, false, false],
            },
        };
        using FaceClipLibrary library = await OpenAsync(configuration);
        using StableSyncNet network = Network(configuration);
        using AutoencoderKL autoencoder = AutoencoderKL.Create(
            new AutoencoderConfiguration
            {
                BlockOutChannels = [8, 8, 8, 8],
                DownBlockHasAttention = new bool[4],
                UpBlockHasAttention = new bool[4],
                LayersPerBlock = 1,
                NormNumGroups = 4,
            },
            ScalarType.Float32,
            CPU
        );
        autoencoder.InitializeForTraining(3);
        using SyncNetBatch batch = await new SyncNetBatches(library, network, autoencoder).DrawAsync(1, 1, 0, 1);
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();

        Assert.Equal([1, 20, 8, 8], batch.Visual.shape);
        (Tensor mean, Tensor logVariance) = autoencoder.Encode(batch.Windows[0].Frames());
        Tensor deviations = (batch.Visual.view(5, 4, 8, 8) / autoencoder.ScalingFactor - mean) / (logVariance * 0.5).exp();
        Assert.InRange(deviations.std().item<float>(), 0.9, 1.1); // 1280 standard normal numbers
        Assert.Throws<ArgumentException>(() => new SyncNetBatches(library, network));
    }

    [Fact]
    public async Task Accuracy_UntrainedNetwork_CountsWhatItsCosinesSay()
    {
        using FaceClipLibrary library = await OpenAsync(TalkingHeads.Network);
        using StableSyncNet network = Network();
        SyncNetBatches batches = new(library, network);
        List<int> told = [];

        SyncNetAccuracyReport report = await SyncNetAccuracy.MeasureAsync(network, batches, 11, 4, 5, told.Add);

        Assert.Equal([4, 8, 11], told);
        SyncNetAccuracyReport one = await SyncNetAccuracy.MeasureAsync(network, batches, 1, 4, 5);
        Assert.Equal(one.InSync == 1, one.MeanCosineInSync is not null);
        Assert.Equal(one.InSync == 0, one.MeanCosineOutOfSync is not null);
        int correct = 0,
            inSync = 0;
        double loss = 0;
        for (int i = 0; i < 11; i++)
        {
            using SyncNetBatch batch = await batches.DrawAsync(5, 0, i, 1);
            using IDisposable noGrad = no_grad();
            using DisposeScope scope = NewDisposeScope();
            (Tensor visual, Tensor audio) = network.Embed(batch.Visual, batch.Audio);
            double cosine = (visual * audio).sum().item<float>();
            bool truth = batch.Windows[0].InSync;
            inSync += truth ? 1 : 0;
            correct += cosine > 0.5 == truth ? 1 : 0;
            loss -= Math.Log(truth ? cosine : 1 - cosine) / 11;
        }
        Assert.Equal((11, correct, inSync), (report.Samples, report.Correct, report.InSync));
        Assert.Equal(100.0 * correct / 11, report.Accuracy, 1e-9);
        Assert.Equal(loss, report.Loss, 1e-4);
    }

    private async Task<FaceClipLibrary> OpenAsync(SyncNetConfiguration configuration) =>
        await FaceClipLibrary.OpenAsync(VideoList.OfFolder(heads.Faces), SyncNetBatches.Options(configuration));

    private static StableSyncNet Network(SyncNetConfiguration? configuration = null)
    {
        StableSyncNet network = StableSyncNet.Create(configuration ?? TalkingHeads.Network, ScalarType.Float32, CPU);
        network.InitializeForTraining(1);
        return network;
    }
}
