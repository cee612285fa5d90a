using LatentSync.Testing;
using LatentSync.Training.Loops;

namespace LatentSync.Training.Tests.Loops;

public sealed class TrainingLoopTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Run_InterruptedAndResumed_HasTheSameLossesBitForBit()
    {
        using QuadraticTask whole = new();
        new TrainingLoop(Options("whole", 20)).Run(whole);

        using CancellationTokenSource killed = new();
        using QuadraticTask first = new()
        {
            BeforeStep = step =>
            {
                if (step == 13)
                {
                    throw new InvalidOperationException("the process dies here");
                }
            },
        };
        Assert.Throws<InvalidOperationException>(() => new TrainingLoop(Options("parts", 20)).Run(first));
        using QuadraticTask second = new();
        TrainingReport report = new TrainingLoop(Options("parts", 20) with { Resume = true }).Run(second);

        Assert.Equal(10, report.ResumedFrom); // saved every 5 steps
        Assert.Equal(whole.Values, second.Values);
        Assert.Equal(File.ReadAllText(_folder.PathOf("whole", "losses.csv")), File.ReadAllText(_folder.PathOf("parts", "losses.csv")));
        Assert.Equal(File.ReadAllText(_folder.PathOf("whole", "checkpoints", "checkpoint-20.pt")), File.ReadAllText(report.Checkpoint));
    }

    [Fact]
    public void Run_Cancelled_SavesTheLastFinishedStep()
    {
        using CancellationTokenSource source = new();
        using QuadraticTask task = new()
        {
            BeforeStep = step =>
            {
                if (step == 8)
                {
                    source.Cancel();
                }
            },
        };
        Assert.Throws<OperationCanceledException>(() =>
            new TrainingLoop(Options("cancelled", 20)).Run(task, cancellationToken: source.Token)
        );
        using QuadraticTask next = new();
        Assert.Equal(8, new TrainingLoop(Options("cancelled", 9) with { Resume = true }).Run(next).ResumedFrom);
    }

    [Fact]
    public void Run_LossNotANumber_StopsNamesTheBatchAndKeepsTheCheckpoint()
    {
        using QuadraticTask task = new() { FailingStep = 12 };
        NonFiniteLossException failure = Assert.Throws<NonFiniteLossException>(() => new TrainingLoop(Options("nan", 20)).Run(task));
        Assert.Equal(12, failure.Step);
        Assert.Equal(10, failure.LastGoodStep);
        Assert.Contains("batch 12/0", failure.Message, StringComparison.Ordinal);
        Assert.All(task.Values, v => Assert.True(float.IsFinite(v)));
        Assert.All(
            File.ReadAllText(_folder.PathOf("nan", "checkpoints", "checkpoint-10.pt")).Split(' '),
            v => Assert.True(float.IsFinite(float.Parse(v, System.Globalization.CultureInfo.InvariantCulture)))
        );
    }

    [Fact]
    public void Run_FullDisk_KeepsWhatWasSavedAndGoesOnFromThere()
    {
        const int size = 20_000; // the state is 320 KB, and its successor needs as much beside it
        using SmallDisk? disk = SmallDisk.TryMount(_folder.PathOf("disk"), 2048);
        Assert.SkipWhen(disk is null, "A small file system cannot be mounted here.");
        using QuadraticTask whole = new(size: size);
        new TrainingLoop(Options("whole", 15)).Run(whole);

        TrainingLoopOptions options = Options("disk/run", 15) with { KeepCheckpoints = 1 };
        string filler = _folder.PathOf("disk", "filler"),
            state = _folder.PathOf("disk", "run", "state.safetensors");
        byte[] saved = [];
        using (
            QuadraticTask task = new(size: size)
            {
                BeforeStep = step =>
                {
                    if (step == 7)
                    {
                        saved = File.ReadAllBytes(state);
                        Fill(filler);
                    }
                },
            }
        )
        {
            Assert.ThrowsAny<IOException>(() => new TrainingLoop(options).Run(task));
        }
        Assert.Equal(saved, File.ReadAllBytes(state));
        Assert.Empty(Directory.GetFiles(_folder.PathOf("disk", "run"), "*partial*"));

        File.Delete(filler);
        using QuadraticTask next = new(size: size);
        Assert.Equal(5, new TrainingLoop(options with { Resume = true }).Run(next).ResumedFrom);
        Assert.Equal(whole.Values, next.Values);

        static void Fill(string path)
        {
            using FileStream file = new(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
            try
            {
                while (true)
                {
                    file.Write(new byte[4096]);
                }
            }
            catch (IOException)
            {
                // full: as wanted
            }
        }
    }

    [Fact]
    public void Run_FolderOfAnotherTraining_IsRefused()
    {
        using (QuadraticTask task = new())
        {
            new TrainingLoop(Options("taken", 5)).Run(task);
        }
        using QuadraticTask other = new("other");
        Assert.Contains(
            "Resume",
            Assert.Throws<TrainingException>(() => new TrainingLoop(Options("taken", 6)).Run(other)).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "\"other\"",
            Assert.Throws<TrainingException>(() => new TrainingLoop(Options("taken", 6) with { Resume = true }).Run(other)).Message,
            StringComparison.Ordinal
        );
        using QuadraticTask wider = new(size: 3);
        Assert.Contains(
            "(3)",
            Assert.Throws<TrainingException>(() => new TrainingLoop(Options("taken", 6) with { Resume = true }).Run(wider)).Message,
            StringComparison.Ordinal
        );
        Assert.All(wider.Values, v => Assert.Equal(0, v));
    }

    [Fact]
    public void Run_ManyCheckpoints_KeepsTheLatest()
    {
        using QuadraticTask task = new();
        new TrainingLoop(Options("kept", 20) with { KeepCheckpoints = 2 }).Run(task);
        Assert.Equal(
            ["checkpoint-15.pt", "checkpoint-20.pt"],
            Directory.GetFiles(_folder.PathOf("kept", "checkpoints")).Select(Path.GetFileName).Order()
        );
    }

    [Fact]
    public void Run_Accumulation_EqualsTheMeanOfTheBatches()
    {
        using QuadraticTask task = new();
        TrainingReport report = new TrainingLoop(Options("accumulated", 1) with { GradientAccumulationSteps = 4, EmaDecay = null }).Run(
            task
        );
        LossHistory history = LossHistory.FromCsv(File.ReadAllText(report.LossCurve));
        double[] each =
        [
            .. Enumerable
                .Range(0, 4)
                .Select(i =>
                {
                    using QuadraticTask fresh = new();
                    using var scope = TorchSharp.torch.NewDisposeScope();
                    return (double)fresh.ComputeLoss(new TrainingDraw(1, 1, i), default).Total.item<float>();
                }),
        ];
        Assert.Equal(each.Average(), history.Curve(TrainingLoop.TotalLoss)[0].Value, 6);
        Assert.Equal(4, each.Distinct().Count());
    }

    [Fact]
    public void Run_TotalFallsAndPictureIsWritten()
    {
        using QuadraticTask task = new();
        TrainingReport report = new TrainingLoop(Options("falls", 200)).Run(task);
        IReadOnlyList<(long Step, double Value)> curve = LossHistory
            .FromCsv(File.ReadAllText(report.LossCurve))
            .Curve(TrainingLoop.TotalLoss);
        Assert.True(curve[^1].Value < curve[0].Value / 20);
        Assert.Equal([0x89, (byte)'P', (byte)'N', (byte)'G'], File.ReadAllBytes(report.LossPlot).Take(4));
    }

    public void Dispose() => _folder.Dispose();

    private TrainingLoopOptions Options(string name, long steps) =>
        new()
        {
            OutputFolder = _folder.PathOf(name),
            MaxSteps = steps,
            Schedule = new LearningRateSchedule(LearningRateKind.Constant, 0.1, 0, steps),
            Seed = 1,
            SaveEverySteps = 5,
            EmaDecay = 0.9,
        };
}
