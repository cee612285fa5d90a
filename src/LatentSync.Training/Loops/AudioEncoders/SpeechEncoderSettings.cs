using LatentSync.Models.AudioEncoders;

namespace LatentSync.Training.Loops.AudioEncoders;

/// <summary>What a training of the speech encoder reads from its YAML file.</summary>
/// <param name="Network">Section <c>model</c>: Whisper's dimensions.</param>
/// <param name="BatchSize"><c>data.batch_size</c>: utterances per batch.</param>
/// <param name="ShortestSeconds"><c>data.shortest_seconds</c>.</param>
/// <param name="LongestSeconds"><c>data.longest_seconds</c>, at most the encoder's segment.</param>
internal sealed record SpeechEncoderSettings(WhisperConfiguration Network, int BatchSize, double ShortestSeconds, double LongestSeconds)
{
    public static (SpeechEncoderSettings Settings, TrainingLoopOptions Loop) Read(TrainingRun run)
    {
        TrainingDocument document = TrainingDocument.Open(run.ConfigurationPath, "data", "ckpt", "run", "optimizer", "model");
        WhisperConfiguration network = document.ReadModel("model", WhisperConfiguration.FromJson);
        double segment = network.AudioPositions / 50.0;
        SpeechEncoderSettings settings = document.Read(
            "data",
            ["batch_size", "shortest_seconds", "longest_seconds"],
            [],
            r => new SpeechEncoderSettings(
                network,
                r.Integer("batch_size", 4, 1, 4096),
                r.Number("shortest_seconds", 2),
                r.Number("longest_seconds", segment)
            )
        );
        if (!(settings.ShortestSeconds >= 0.5 && settings.LongestSeconds >= settings.ShortestSeconds && settings.LongestSeconds <= segment))
        {
            throw new TrainingException(
                $"data.shortest_seconds is {settings.ShortestSeconds} and data.longest_seconds {settings.LongestSeconds}; 0.5 <= shortest <= longest <= {segment} (the encoder's segment) is required."
            );
        }
        return (settings, LoopConfiguration.Read(document, run, [], []));
    }
}
