using LatentSync.Checkpoints;
using LatentSync.Evaluation;
using LatentSync.Evaluation.Confidence;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Video.Reading;
using LatentSync.Media.Video.Tools;
using LatentSync.Models.Loading;
using LatentSync.Models.SyncNets;
using static TorchSharp.torch;

namespace LatentSync.Training.Tests.SyncNets;

[Trait("Category", "Integration")]
public sealed class SyncConfidenceTests(TalkingHeads heads) : IClassFixture<TalkingHeads>
{
    [Fact]
    public async Task Measure_StableSyncNet_JudgesTheTrackOfTheLandmarks()
    {
        string path = Path.Combine(heads.Folder, "stable.pt");
        using (StableSyncNet network = StableSyncNet.Create(TalkingHeads.Network, ScalarType.Float32, CPU))
        {
            network.InitializeForTraining(4);
            SyncNetCheckpoint.Save(path, network, 1);
        }
        using SyncConfidence measure = SyncConfidence.ByStableSyncNet(path, TalkingHeads.Network, CPU);
        List<SyncConfidenceProgress> told = [];

        SyncConfidenceReport report = await measure.MeasureAsync(Options(), new Sink(told));

        SyncTrackScore track = Assert.Single(report.Tracks);
        Assert.Equal((0L, 75), (track.FirstFrame, track.FrameCount));
        Assert.Equal((75 - 5 + 1 + 4) / 5, track.Windows); // every fifth start of 71
        Assert.InRange(track.OffsetFrames, -15, 15);
        Assert.InRange(track.Confidence, 0, 1);
        Assert.Equal((track.OffsetFrames, track.Confidence), (report.OffsetFrames, report.Confidence));
        Assert.Contains(told, p => p is { Title: "finding faces", Done: 75 });
        Assert.Contains(told, p => p is { Title: "judging", Done: 75, Total: 75 });
        Assert.Equal(report.Confidence, (await measure.MeasureAsync(Options())).Confidence); // the same again
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Measure_SyncNetOfChungAndZisserman_ComparesEveryWindowButTheLast()
    {
        string path = Path.Combine(heads.Folder, "auxiliary", "syncnet_v2.model");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using (SyncNetV2 network = new())
        {
            TorchCheckpointWriter.Write(path, StateDictWriter.Dictionary(network));
        }
        using SyncConfidence measure = SyncConfidence.Open(new SyncJudgeOptions { CheckpointFolder = heads.Folder, Device = "cpu" });

        SyncConfidenceReport report = await measure.MeasureAsync(Options());

        Assert.Equal(70, Assert.Single(report.Tracks).Windows);
        Assert.Contains("Chung and Zisserman", report.Network);
        Assert.InRange(report.Confidence, 0, 1000);
    }

    [Fact]
    public async Task Measure_TrackTooShort_SaysWhatWasSeen()
    {
        using SyncConfidence measure = Untrained();

        EvaluationException error = await Assert.ThrowsAsync<EvaluationException>(() =>
            measure.MeasureAsync(Options() with { MinimumTrackFrames = 75 })
        );

        Assert.Contains("the longest of 1 tracks has 75 frames with a face of", error.Message);
        Assert.Contains("in more than 75 consecutive frames", error.Message);
    }

    [Fact]
    public async Task Measure_SoundOfAnotherFileThatIsTooShort_SaysSo()
    {
        string path = Path.Combine(heads.Folder, "short.wav");
        LatentSync.Media.Audio.WavWriter.Write(path, new float[1600], 16000);
        using SyncConfidence measure = Untrained();

        EvaluationException error = await Assert.ThrowsAsync<EvaluationException>(() =>
            measure.MeasureAsync(Options() with { AudioPath = path })
        );

        Assert.Contains("short.wav ends after 0.10 s", error.Message);
    }

    [Fact]
    public void Open_NoNetworkNamed_SaysWhatToGive()
    {
        Assert.Contains(
            "No scoring network given",
            Assert.Throws<EvaluationException>(() => SyncConfidence.Open(new SyncJudgeOptions())).Message
        );
        SyncJudgeOptions empty = new() { CheckpointFolder = Path.Combine(heads.Folder, "nothing") };
        Assert.Contains("has neither", Assert.Throws<EvaluationException>(() => SyncConfidence.Open(empty)).Message);
    }

    [Fact]
    public async Task Frames_OfAVideo_ComeAt25PerSecondFromAnyPlace()
    {
        FfmpegTools tools = await FfmpegTools.LocateAsync();
        VideoReader reader = await VideoReader.OpenAsync(heads.Video, tools);
        List<(long, long)> found = [];
        await foreach ((long index, VideoFrame frame) in ConstantRateFrames.ReadAsync(reader, 70, 20))
        {
            found.Add((index, frame.Index));
        }

        Assert.Equal([(70, 70), (71, 71), (72, 72), (73, 73), (74, 74)], found);
    }

    private SyncConfidence Untrained()
    {
        string path = Path.Combine(heads.Folder, "untrained.pt");
        using (StableSyncNet network = StableSyncNet.Create(TalkingHeads.Network, ScalarType.Float32, CPU))
        {
            network.InitializeForTraining(5);
            SyncNetCheckpoint.Save(path, network, 1);
        }
        return SyncConfidence.ByStableSyncNet(path, TalkingHeads.Network, CPU);
    }

    private SyncConfidenceOptions Options() =>
        new()
        {
            VideoPath = heads.Video,
            Faces = new FaceDetectorOptions { LandmarksPath = heads.Landmarks },
            MinimumFaceSide = 40,
        };

    private sealed class Sink(List<SyncConfidenceProgress> told) : IProgress<SyncConfidenceProgress>
    {
        public void Report(SyncConfidenceProgress value) => told.Add(value);
    }
}
