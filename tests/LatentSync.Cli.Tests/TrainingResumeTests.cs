using System.Diagnostics;
using LatentSync.Testing;

namespace LatentSync.Cli.Tests;

/// <summary>A training that is killed with no chance to save goes on to the very curve of one that was not.</summary>
[Collection(CliRuns.Name)]
[Trait("Category", "Integration")]
public sealed class TrainingResumeTests
{
    private const string Configuration = """
        model: { n_mels: 80, n_audio_ctx: 100, n_audio_state: 8, n_audio_head: 2, n_audio_layer: 1 }
        data: { batch_size: 1, shortest_seconds: 0.5, longest_seconds: 1 }
        ckpt: { save_ckpt_steps: 5 }
        run: { max_train_steps: 150, seed: 5, ema_decay: 0.9 }
        optimizer: { lr: 1e-3, lr_scheduler: cosine, max_grad_norm: 1.0 }
        """;

    [Fact]
    public async Task Train_KilledAndResumed_HasTheCurveAndWeightsOfOneRun()
    {
        using TemporaryFolder folder = new();
        string configuration = folder.File("speech.yaml");
        await File.WriteAllTextAsync(configuration, Configuration);
        string[] Arguments(string name) =>
            ["train", "speech", "--config", configuration, "--out", folder.File(name), "--threads", "1", "--device", "cpu"];
        ProgramRun whole = await Cli.RunAsync(Arguments("whole"));
        Assert.True(whole.ExitCode == 0, whole.Errors);

        ProcessStartInfo start = new(Cli.Path, Arguments("parts")) { RedirectStandardError = true, RedirectStandardOutput = true };
        using (Process process = Process.Start(start)!)
        {
            process.BeginErrorReadLine();
            process.BeginOutputReadLine();
            string state = Path.Combine(folder.File("parts"), "state.safetensors");
            while (!File.Exists(state))
            {
                Assert.False(process.HasExited, "it ended before its first state");
                await Task.Delay(5, TestContext.Current.CancellationToken);
            }
            process.Kill(); // SIGKILL
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.NotEqual(0, process.ExitCode);
        }
        ProgramRun rest = await Cli.RunAsync([.. Arguments("parts"), "--resume"]);
        Assert.True(rest.ExitCode == 0, rest.Errors);

        byte[] Read(string name, params string[] path) => File.ReadAllBytes(Path.Combine([folder.File(name), .. path]));
        Assert.Equal(Read("whole", "losses.csv"), Read("parts", "losses.csv"));
        Assert.Equal(Read("whole", "checkpoints", "checkpoint-150.pt"), Read("parts", "checkpoints", "checkpoint-150.pt"));
        Assert.DoesNotContain(
            Directory.EnumerateFiles(folder.File("parts"), "*", SearchOption.AllDirectories),
            path => path.Contains("partial", StringComparison.Ordinal)
        );
    }
}
