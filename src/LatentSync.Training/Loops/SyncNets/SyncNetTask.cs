using System.Globalization;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Checkpoints;
using LatentSync.Models.SyncNets;
using LatentSync.Training.Datasets;
using LatentSync.Training.Losses;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops.SyncNets;

/// <summary>Teaches a StableSyncNet to tell pictures that belong to their sound from pictures of another moment of the same
/// video.</summary>
/// <remarks>Lip-sync expert of Wav2Lip, arXiv:2008.10010, section 3.1, with LatentSync's network. In float32, where the original computes
/// in float16.</remarks>
internal sealed class SyncNetTask : ITrainingTask
{
    private const string ValidationPrefix = "validation "; // of the loop's curves
    private const long ValidationSeed = 1L << 33;
    private const int MostPoints = 100_000;

    private readonly SyncNetTrainingSettings _settings;
    private readonly StableSyncNet _network;
    private readonly SyncNetBatches? _validation;
    private readonly SyncNetBatches _batches;

    /// <param name="settings">Sizes.</param>
    /// <param name="training">Makes the batches to learn from.</param>
    /// <param name="validation">Makes the held-out batches; null: no validation.</param>
    /// <param name="seed">Of the weights.</param>
    /// <param name="device">Where the network lives.</param>
    public SyncNetTask(
        SyncNetTrainingSettings settings,
        Func<StableSyncNet, SyncNetBatches> training,
        Func<StableSyncNet, SyncNetBatches>? validation,
        long seed,
        Device device
    )
    {
        _settings = settings;
        _network = StableSyncNet.Create(settings.Network, ScalarType.Float32, device);
        try
        {
            _network.InitializeForTraining(seed);
            if (settings.InitialWeights is { } path)
            {
                using TensorArchive archive = TensorArchive.Open(path);
                SyncNetCheckpoint.Load(_network, archive);
            }
            _network.train();
            _batches = training(_network);
            _validation = validation?.Invoke(_network);
            Parameters = [.. _network.named_parameters().Select(p => KeyValuePair.Create(p.name, p.parameter))];
        }
        catch
        {
            _network.Dispose();
            throw;
        }
    }

    public string Name => "syncnet";

    public IReadOnlyList<KeyValuePair<string, Parameter>> Parameters { get; }

    public StepLoss ComputeLoss(TrainingDraw draw, CancellationToken cancellationToken)
    {
        using SyncNetBatch batch = _batches
            .DrawAsync(draw.Seed, draw.Step, draw.Accumulation * _settings.BatchSize, _settings.BatchSize, cancellationToken)
            .GetAwaiter()
            .GetResult();
        (Tensor visual, Tensor audio) = _network.Embed(batch.Visual, batch.Audio);
        Tensor loss = SyncLoss.Of(visual, audio, batch.Labels);
        return new StepLoss(loss, [KeyValuePair.Create("accuracy", Accuracy(visual, audio, batch.Labels))], Describe(batch));
    }

    public IReadOnlyList<KeyValuePair<string, double>>? Validate(long step, CancellationToken cancellationToken)
    {
        if (_validation is null)
        {
            return null;
        }
        // The same pairs every time, so that the curve shows the network and not the draw.
        int size = _settings.ValidationBatchSize;
        int samples = (_settings.ValidationSamples / size + 1) * size;
        SyncNetAccuracyReport report = SyncNetAccuracy
            .MeasureAsync(_network, _validation, samples, size, ValidationSeed, cancellationToken: cancellationToken)
            .GetAwaiter()
            .GetResult();
        return [KeyValuePair.Create(TrainingLoop.TotalLoss, report.Loss), KeyValuePair.Create("accuracy", report.Accuracy)];
    }

    public string WriteCheckpoint(string folder, long step, LossHistory history)
    {
        string path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"checkpoint-{step}.pt"));
        (long Step, double Value)[] training = Thin(history.Curve(TrainingLoop.TotalLoss));
        (long Step, double Value)[] validation = Thin(history.Curve(ValidationPrefix + TrainingLoop.TotalLoss));
        SyncNetCheckpoint.Save(
            path,
            _network,
            step,
            new Dictionary<string, IReadOnlyList<double>>
            {
                ["train_step_list"] = [.. training.Select(p => (double)p.Step)],
                ["train_loss_list"] = [.. training.Select(p => p.Value)],
                ["val_step_list"] = [.. validation.Select(p => (double)p.Step)],
                ["val_loss_list"] = [.. validation.Select(p => p.Value)],
            }
        );
        return path;
    }

    public void Dispose() => _network.Dispose();

    // Readers bound the numbers of a checkpoint; a curve of millions of steps keeps its shape with fewer.
    private static (long Step, double Value)[] Thin(IReadOnlyList<(long Step, double Value)> curve)
    {
        int stride = (curve.Count + MostPoints - 1) / MostPoints;
        return [.. curve.Where((_, i) => i % Math.Max(stride, 1) == 0)];
    }

    private static double Accuracy(Tensor visual, Tensor audio, Tensor labels)
    {
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor said = StableSyncNet.Similarity(visual, audio).gt(Scalars.Of(0.5));
        return 100 * said.eq(labels.gt(Scalars.Of(0.5))).to(ScalarType.Float32).mean().item<float>();
    }

    private static string Describe(SyncNetBatch batch) =>
        string.Join(
            ", ",
            batch.Windows.Select(w =>
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{Path.GetFileName(w.Clip.Path)} frame {w.FrameStart} with speech of {w.SpeechStart}"
                )
            )
        );
}
