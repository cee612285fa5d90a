using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;

namespace LatentSync.Tests;

/// <summary>A new host needs no list of exceptions, no copy of option names and no language of its own: here is a whole one.</summary>
public sealed class HostTests
{
    private static async Task<(int Status, string Body)> Answer(SyncOptions options, Language language)
    {
        using IDisposable request = Audience.Use(new Audience(language, new PageLabels()));
        try
        {
            return (200, (await LipSync.RunAsync(options)).OutputPath);
        }
        catch (Exception exception)
        {
            FaultReport fault = FaultReport.Of(exception);
            int status =
                fault.Kind == FaultKind.Input ? 400
                : fault.Kind == FaultKind.Machine ? 503
                : 500;
            return (status, $"{fault.Parameter}: {fault.Message}");
        }
    }

    private sealed class PageLabels : Vocabulary
    {
        protected override string Option(string property, string? value) => $"<{property}>{value}";

        protected override string Command(string words) => $"[{words}]";
    }

    private static SyncOptions Options =>
        new()
        {
            VideoPath = "no such video.mp4",
            AudioPath = "no such audio.wav",
            OutputPath = "out.mp4",
            CheckpointFolder = "c",
        };

    [Fact]
    public async Task Host_WrongOption_NamesItAsThePageDoesAndInTheRequestsLanguage()
    {
        SyncOptions wrong = Options with { InferenceSteps = 0 };

        (int Status, string Body)[] answers = await Task.WhenAll(Answer(wrong, Language.English), Answer(wrong, Language.Chinese));

        Assert.Equal((400, "InferenceSteps: <InferenceSteps> must lie between 1 and 999, not 0."), answers[0]);
        Assert.Equal((400, "InferenceSteps: <InferenceSteps> 应在 1 到 999 之间，而不是 0。"), answers[1]);
    }

    [Fact]
    public async Task Host_MissingVideo_GivesTheFaultsCode()
    {
        (int status, string body) = await Answer(Options, Language.English);

        Assert.Equal(400, status);
        Assert.StartsWith(": MED0", body, StringComparison.Ordinal);
        Assert.Contains("no such video.mp4", body, StringComparison.Ordinal);
    }
}
