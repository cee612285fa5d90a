using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Foundation.Files;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops;

/// <summary>Steps, saving, resuming, curves: what all trainings have in common.</summary>
/// <remarks>
/// A run is a function of configuration, data and seed: batches and noise are drawn from the step's number, and the state that is saved
/// holds weights, moments and averages in full precision. So a run that was killed goes on from its last saved step with the very losses
/// that it would have had, given the same number of threads.
/// </remarks>
internal sealed partial class TrainingLoop
{
    /// <summary>Name of the total in the loss curve.</summary>
    public const string TotalLoss = "loss";

    private const int Smoothing = 50;
    private const int MaximumConfigurationBytes = 1 << 20;
    private const string StateName = "state.safetensors";

    private readonly TrainingLoopOptions _options;

    /// <summary>Prepares a loop.</summary>
    /// <param name="options">Steps, rates, folder.</param>
    /// <exception cref="TrainingException">An option is out of its range.</exception>
    public TrainingLoop(TrainingLoopOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        _options = options;
    }

    /// <summary>Trains.</summary>
    /// <param name="task">What to train; belongs to the caller.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Stops after the current batch; the state of the last finished step is saved first.</param>
    /// <exception cref="TrainingException">The folder holds the state of another training, or one and
    /// <see cref="TrainingLoopOptions.Resume"/> is false.</exception>
    /// <exception cref="NonFiniteLossException">A loss or the gradients are infinite or NaN; nothing of that step was applied.</exception>
    /// <exception cref="IOException">The disk is full: what was saved before stays as it is.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public TrainingReport Run(
        ITrainingTask task,
        IProgress<TrainingProgress>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(task);
        string folder = OwnFolder();
        string checkpoints = Path.Combine(folder, "checkpoints");
        string statePath = Path.Combine(folder, StateName);
        if (File.Exists(statePath) && !_options.Resume)
        {
            throw new TrainingException($"{folder} already contains a run; add ⟦Resume⟧ to continue it, or give another ⟦OutputFolder⟧.");
        }
        RefuseInputs(folder, checkpoints);
        Directory.CreateDirectory(checkpoints);
        PartialFileSweep.Sweep(folder);
        PartialFileSweep.Sweep(checkpoints);
        CopyConfiguration(folder);
        using AdamW optimizer = new(task.Parameters, _options.Optimizer);
        using Ema? average = _options.EmaDecay is { } decay ? new Ema(task.Parameters, decay) : null;
        List<KeyValuePair<string, Tensor>> tensors =
        [
            .. task.Parameters.Select(p => KeyValuePair.Create("w." + p.Key, (Tensor)p.Value)),
            .. optimizer.State,
            .. average?.State ?? [],
        ];
        LossHistory history = new();
        long start = 0;
        if (File.Exists(statePath))
        {
            (start, history) = TrainingState.Read(statePath, task.Name, tensors);
            optimizer.Resume(start);
            average?.Resume(start);
        }

        Stopwatch clock = Stopwatch.StartNew();
        StepPace pace = new(Stopwatch.GetTimestamp);
        string checkpoint = string.Empty;
        long saved = start;
        void Save(long step)
        {
            using (average?.Apply())
            {
                checkpoint = task.WriteCheckpoint(checkpoints, step, history);
            }
            TrainingState.Write(statePath, task.Name, step, tensors, history);
            WriteCurves(folder, task.Name, history);
            saved = step;
            DropOldCheckpoints(checkpoints, checkpoint);
        }

        long done = start;
        try
        {
            while (done < _options.MaxSteps)
            {
                cancellationToken.ThrowIfCancellationRequested();
                long step = done + 1;
                double rate = _options.Schedule.At(step);
                List<KeyValuePair<string, double>> losses = Accumulate(task, optimizer, step, saved == 0 ? null : saved, cancellationToken);
                optimizer.Step(rate);
                average?.Update();
                done = step;
                losses.ForEach(l => history.Add(step, l.Key, l.Value));
                if (step % (_options.ValidateEverySteps ?? _options.SaveEverySteps) == 0 || step == _options.MaxSteps)
                {
                    using IDisposable? averaged = average?.Apply();
                    foreach ((string name, double value) in task.Validate(step, cancellationToken) ?? [])
                    {
                        history.Add(step, "validation " + name, value);
                    }
                }
                if (step % _options.SaveEverySteps == 0 || step == _options.MaxSteps)
                {
                    Save(step);
                }
                pace.Step();
                progress?.Report(
                    new TrainingProgress(
                        step,
                        _options.MaxSteps,
                        losses,
                        history.RecentMean(TotalLoss, Smoothing) ?? 0,
                        rate,
                        pace.SecondsPerStep,
                        TimeSpan.FromSeconds(pace.SecondsPerStep * (_options.MaxSteps - step))
                    )
                );
            }
        }
        catch (OperationCanceledException) when (done > saved)
        {
            Save(done);
            throw;
        }
        if (checkpoint.Length == 0)
        {
            Save(done);
        }
        return new TrainingReport(
            done,
            start,
            history.RecentMean(TotalLoss, Smoothing) ?? 0,
            checkpoint,
            Path.Combine(folder, "losses.png"),
            Path.Combine(folder, "losses.csv"),
            clock.Elapsed.TotalSeconds,
            task.Parameters.Sum(p => p.Value.numel())
        );
    }

    // Gradients of all batches of a step; the mean of their losses.
    private List<KeyValuePair<string, double>> Accumulate(
        ITrainingTask task,
        AdamW optimizer,
        long step,
        long? lastGood,
        CancellationToken cancellationToken
    )
    {
        optimizer.ZeroGradients();
        int batches = _options.GradientAccumulationSteps;
        List<KeyValuePair<string, double>> sums = [];
        string names = string.Empty;
        for (int i = 0; i < batches; i++)
        {
            using DisposeScope scope = NewDisposeScope();
            StepLoss loss = task.ComputeLoss(new TrainingDraw(_options.Seed, step, i), cancellationToken);
            names += (i == 0 ? string.Empty : "; ") + loss.Batch;
            List<KeyValuePair<string, double>> values =
            [
                KeyValuePair.Create(TotalLoss, (double)loss.Total.to(ScalarType.Float32).item<float>()),
                .. loss.Parts,
            ];
            foreach ((string name, double value) in values)
            {
                if (!double.IsFinite(value))
                {
                    throw new NonFiniteLossException(step, name, value, loss.Batch, lastGood);
                }
            }
            (batches == 1 ? loss.Total : loss.Total.Over(batches)).backward();
            task.CollectGradients();
            sums = i == 0 ? values : [.. sums.Zip(values, (a, b) => KeyValuePair.Create(a.Key, a.Value + b.Value))];
        }
        double norm = optimizer.ClipGradients(_options.MaxGradientNorm);
        return double.IsFinite(norm)
            ? [.. sums.Select(s => KeyValuePair.Create(s.Key, s.Value / batches))]
            : throw new NonFiniteLossException(step, "gradient norm", norm, names, lastGood);
    }

    // As the original: what a folder's weights were trained by lies beside them.
    private void CopyConfiguration(string folder)
    {
        if (_options.ConfigurationPath is not { } path)
        {
            return;
        }
        string copy = Path.Combine(folder, Path.GetFileName(path));
        if (!FileOverlap.IsSame(copy, path))
        {
            PartialFile.Write(copy, InputFile.ReadAllBytes(path, MaximumConfigurationBytes));
        }
    }

    private string OwnFolder()
    {
        try
        {
            return OutputPath.Folder(_options.OutputFolder);
        }
        catch (OutputPathException wrong)
        {
            throw new TrainingException($"⟦OutputFolder⟧: {wrong.Message}");
        }
    }

    // The configuration may lie in the folder: its copy is then itself.
    private void RefuseInputs(string folder, string checkpoints)
    {
        string[] written =
        [
            Path.Combine(folder, StateName),
            Path.Combine(folder, "losses.csv"),
            Path.Combine(folder, "losses.png"),
            .. _options.ConfigurationPath is { } path
            && Path.Combine(folder, Path.GetFileName(path)) is var copy
            && !FileOverlap.IsSame(copy, path)
                ? [copy]
                : Array.Empty<string>(),
            .. Directory.Exists(checkpoints) ? OwnCheckpoints(checkpoints) : [],
        ];
        try
        {
            FileOverlap.Refuse(_options.Inputs, written.SelectMany(FilesOf).Select(file => new NamedPath("⟦OutputFolder⟧", file)));
        }
        catch (OutputIsInputException overlap)
        {
            throw new TrainingException(overlap.Message);
        }

        static IEnumerable<string> FilesOf(string path) =>
            Directory.Exists(path) ? Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories) : [path];
    }

    private static IEnumerable<string> OwnCheckpoints(string folder) =>
        Directory.EnumerateFileSystemEntries(folder).Where(path => CheckpointName().IsMatch(Path.GetFileName(path)));

    [GeneratedRegex(@"\Acheckpoint-[0-9]+(\.pt)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex CheckpointName();

    private static void WriteCurves(string folder, string task, LossHistory history)
    {
        PartialFile.Write(Path.Combine(folder, "losses.csv"), Encoding.UTF8.GetBytes(history.ToCsv()));
        PartialFile.Write(Path.Combine(folder, "losses.png"), LossPlot.ToPng(history, task));
    }

    private void DropOldCheckpoints(string folder, string latest)
    {
        if (_options.KeepCheckpoints <= 0)
        {
            return;
        }
        string[] old =
        [
            .. OwnCheckpoints(folder)
                .Where(p => p != latest)
                .OrderByDescending(File.GetLastWriteTimeUtc)
                .Skip(_options.KeepCheckpoints - 1),
        ];
        foreach (string path in old)
        {
            if (Directory.Exists(path))
            {
                Directory.Delete(path, recursive: true);
            }
            else
            {
                File.Delete(path);
            }
        }
    }
}
