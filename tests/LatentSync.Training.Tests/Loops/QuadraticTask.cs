using LatentSync.Attention.Torch.Tensors;
using LatentSync.Training.Loops;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Training.Tests.Loops;

/// <summary>A training of two numbers towards noisy targets: cheap, with every part that the loop handles.</summary>
internal sealed class QuadraticTask : ITrainingTask
{
    private readonly Parameter _weights;

    public QuadraticTask(string name = "quadratic", int size = 2)
    {
        Name = name;
        _weights = new Parameter(zeros([size]));
        Parameters = [KeyValuePair.Create("weights", _weights)];
    }

    public string Name { get; }

    public IReadOnlyList<KeyValuePair<string, Parameter>> Parameters { get; }

    /// <summary>Step whose loss is not a number.</summary>
    public long? FailingStep { get; init; }

    /// <summary>Called before every step.</summary>
    public Action<long>? BeforeStep { get; init; }

    public float[] Values => _weights.detach().data<float>().ToArray();

    public StepLoss ComputeLoss(TrainingDraw draw, CancellationToken cancellationToken)
    {
        BeforeStep?.Invoke(draw.Step);
        using Generator generator = draw.GeneratorFor(0);
        Tensor target = randn(_weights.shape, generator: generator).Times(0.1).Plus(3);
        Tensor difference = _weights - target;
        Tensor loss = (difference * difference).mean();
        if (draw.Step == FailingStep)
        {
            loss = loss.Times(double.NaN);
        }
        return new StepLoss(
            loss,
            [KeyValuePair.Create("distance", (double)difference.abs().mean().item<float>())],
            $"batch {draw.Step}/{draw.Accumulation}"
        );
    }

    public IReadOnlyList<KeyValuePair<string, double>>? Validate(long step, CancellationToken cancellationToken) =>
        [KeyValuePair.Create("first", (double)Values[0])];

    public string WriteCheckpoint(string folder, long step, LossHistory history)
    {
        string path = Path.Combine(folder, $"checkpoint-{step}.pt");
        File.WriteAllText(path, string.Join(' ', Values.Select(v => v.ToString("R", System.Globalization.CultureInfo.InvariantCulture))));
        return path;
    }

    public void Dispose() => _weights.Dispose();
}
