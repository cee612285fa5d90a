using System.Globalization;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Evaluation.Quality;
using LatentSync.Media.Synthesis.Voices;
using LatentSync.Models.AudioEncoders;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LatentSync.Training.Loops.AudioEncoders;

/// <summary>Teaches a small encoder of Whisper's architecture to hear what a mouth does: the shape of the lips and the phone, 50 times a
/// second.</summary>
/// <remarks>
/// LatentSync takes Whisper's encoder as it was trained on speech recognition. A network small enough to be kept in a repository has to be
/// trained here; the task is the part of recognition that lips need. Lessons are synthesised, so none is ever repeated and the targets are
/// exact. The two linear heads that read the last state serve the training only.
/// </remarks>
internal sealed class SpeechEncoderTask : ITrainingTask
{
    private const double PhoneWeight = 0.1;
    private const int ValidationLessons = 8;
    private const long ValidationSeed = 1L << 33;

    private readonly SpeechEncoderSettings _settings;
    private readonly WhisperEncoder _encoder;
    private readonly nn.Module<Tensor, Tensor> _shapeHead;
    private readonly nn.Module<Tensor, Tensor> _phoneHead;
    private readonly Device _device;

    public SpeechEncoderTask(SpeechEncoderSettings settings, long seed, Device device)
    {
        (_settings, _device) = (settings, device);
        _encoder = WhisperEncoder.Create(settings.Network, ScalarType.Float32, device);
        _encoder.InitializeForTraining(seed);
        _encoder.train();
        int width = settings.Network.AudioWidth;
        using Generator generator = new((ulong)seed + 5, CPU);
        _shapeHead = Head(width, SpeechLesson.ShapeSize, generator, device);
        _phoneHead = Head(width, Enum.GetValues<Phone>().Length, generator, device);
        Parameters =
        [
            .. _encoder
                .named_parameters()
                .Where(p => !p.name.StartsWith("ln_post", StringComparison.Ordinal))
                .Select(p => KeyValuePair.Create(p.name, p.parameter)),
            .. _shapeHead.named_parameters().Select(p => KeyValuePair.Create("shape_head." + p.name, p.parameter)),
            .. _phoneHead.named_parameters().Select(p => KeyValuePair.Create("phone_head." + p.name, p.parameter)),
        ];
    }

    public string Name => "speech";

    public IReadOnlyList<KeyValuePair<string, Parameter>> Parameters { get; }

    public StepLoss ComputeLoss(TrainingDraw draw, CancellationToken cancellationToken)
    {
        List<Tensor> totals = [];
        double shapes = 0,
            phones = 0;
        List<string> names = [];
        for (int i = 0; i < _settings.BatchSize; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            // Below 2^31: no sentence of an evaluation.
            long seed = (long)(draw.SeedFor(i) % int.MaxValue);
            SpeechLesson lesson = SpeechLesson.Synthesize(seed, _settings.ShortestSeconds, _settings.LongestSeconds);
            (Tensor shape, Tensor phone, _) = Losses(lesson);
            totals.Add(shape.Plus(phone.Times(PhoneWeight)));
            shapes += shape.item<float>() / _settings.BatchSize;
            phones += phone.item<float>() / _settings.BatchSize;
            names.Add(string.Create(CultureInfo.InvariantCulture, $"utterance {seed}"));
        }
        return new StepLoss(
            stack(totals).mean(),
            [KeyValuePair.Create("shape", shapes), KeyValuePair.Create("phone", phones)],
            string.Join(", ", names)
        );
    }

    public IReadOnlyList<KeyValuePair<string, double>> Validate(long step, CancellationToken cancellationToken)
    {
        using IDisposable noGrad = no_grad();
        double shapes = 0,
            phones = 0;
        List<double> heard = [],
            implied = [];
        for (int i = 0; i < ValidationLessons; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            SpeechLesson lesson = SpeechLesson.Synthesize(ValidationSeed + i, _settings.ShortestSeconds, _settings.LongestSeconds);
            (Tensor shape, Tensor phone, Tensor predicted) = Losses(lesson);
            shapes += shape.item<float>() / ValidationLessons;
            phones += phone.item<float>() / ValidationLessons;
            heard.AddRange(predicted.select(1, 0).contiguous().cpu().data<float>().ToArray().Select(v => (double)v));
            implied.AddRange(Enumerable.Range(0, lesson.Rows).Select(r => (double)lesson.Shapes[r * SpeechLesson.ShapeSize]));
        }
        return
        [
            KeyValuePair.Create("shape", shapes),
            KeyValuePair.Create("phone", phones),
            KeyValuePair.Create("opening correlation", PearsonCorrelation.Of(heard, implied)),
        ];
    }

    public string WriteCheckpoint(string folder, long step, LossHistory history)
    {
        string path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"checkpoint-{step}.pt"));
        WhisperCheckpoint.Save(path, _encoder);
        return path;
    }

    public void Dispose()
    {
        _encoder.Dispose();
        _shapeHead.Dispose();
        _phoneHead.Dispose();
    }

    private (Tensor Shape, Tensor Phone, Tensor Predicted) Losses(SpeechLesson lesson)
    {
        (Tensor mel, Tensor shapes, Tensor phones) = lesson.ToTensors(_device);
        Tensor last = _encoder.CollectStates(mel).select(1, _encoder.Configuration.AudioLayers).narrow(0, 0, lesson.Rows); // (rows, S)
        Tensor predicted = _shapeHead.call(last); // (rows, 6)
        Tensor shape = nn.functional.mse_loss(predicted, shapes);
        Tensor phone = nn.functional.cross_entropy(_phoneHead.call(last), phones);
        return (shape, phone, predicted);
    }

    private static nn.Module<Tensor, Tensor> Head(int width, int outputs, Generator generator, Device device)
    {
        Linear head = nn.Linear(width, outputs);
        using IDisposable noGrad = no_grad();
        double bound = 1 / Math.Sqrt(width);
        head.weight!.uniform_(-bound, bound, generator);
        head.bias!.zero_();
        return head.to(device);
    }
}
