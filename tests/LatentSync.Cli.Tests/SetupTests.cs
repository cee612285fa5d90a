using LatentSync.Testing;

namespace LatentSync.Cli.Tests;

/// <summary>What ./latentsync installs, for which command, and what it says where it cannot.</summary>
public sealed class SetupTests
{
    private static readonly string[] RealSync = ["sync", "--video", "v.mp4", "--audio", "a.wav", "--out", "o.mp4"];

    [Theory]
    [InlineData(
        "apt-get",
        "Linux",
        new[] { "apt-get update", "apt-get install ffmpeg", "apt-get install libgtk-3-0 libdrm2 libatomic1", "apt-get install opencv-data" }
    )]
    [InlineData("dnf", "Linux", new[] { "dnf install ffmpeg-free", "dnf install gtk3 libdrm libatomic", "dnf install opencv-data" })]
    [InlineData("pacman", "Linux", new[] { "pacman ffmpeg", "pacman gtk3 libdrm gcc-libs", "pacman opencv" })]
    [InlineData("apk", "Linux", new[] { "apk add ffmpeg", "apk add gtk+3.0 libdrm libatomic", "apk add opencv" })]
    [InlineData("brew", "Darwin", new[] { "brew install ffmpeg", "brew install opencv" })]
    public async Task Sync_FreshMachine_InstallsWhatItNeedsWithTheSystemsManager(string manager, string system, string[] asked)
    {
        using FreshMachine machine = new(manager, system);
        ProgramRun run = await machine.RunAsync(RealSync);
        Assert.True(run.ExitCode == 0, run.Errors);
        Assert.Equal($"ran {string.Join(' ', RealSync)}\n", run.Output);
        Assert.Equal(asked, machine.Installed);
        Assert.Equal(0, (await machine.RunAsync(RealSync)).ExitCode);
        Assert.Equal(asked, machine.Installed); // the second run finds everything
    }

    [Theory]
    [InlineData("ffmpeg libgtk-3-0", "demo")]
    [InlineData("ffmpeg libgtk-3-0", "demo", "--out", "d", Traits = ["Category", "Slow"])]
    [InlineData("ffmpeg libgtk-3-0", "synth", "--count", "1", "--out", "d")]
    [InlineData("ffmpeg libgtk-3-0", "eval", "demo")]
    [InlineData("ffmpeg libgtk-3-0", "train", "unet", "--config", "c.yaml")]
    [InlineData("ffmpeg libgtk-3-0", "train", "vae", "--config", "c.yaml", Traits = ["Category", "Slow"])]
    [InlineData("ffmpeg libgtk-3-0", "train", "syncnet", "--config", "c.yaml", Traits = ["Category", "Slow"])]
    [InlineData("ffmpeg libgtk-3-0 opencv-data", "eval", "sync", "--video", "v.mp4")]
    [InlineData("ffmpeg libgtk-3-0 opencv-data", "sync", "--video", "v.mp4", "--detector", "haar")]
    [InlineData("ffmpeg libgtk-3-0", "sync", "--video", "v.mp4", "--landmarks", "l.json")]
    [InlineData("ffmpeg libgtk-3-0", "sync", "--video", "v.mp4", "--landmarks=l.json", Traits = ["Category", "Slow"])]
    [InlineData("ffmpeg libgtk-3-0", "sync", "--video", "v.mp4", "--detector", "yunet", Traits = ["Category", "Slow"])]
    [InlineData("ffmpeg libgtk-3-0", "sync", "--video", "v.mp4", "--cascades", "c", Traits = ["Category", "Slow"])]
    [InlineData("ffmpeg libgtk-3-0", "sync", "--video", "v.mp4", "--face-models", "m")]
    [InlineData("ffmpeg", "eval", "syncnet", "--data", "d")]
    [InlineData("libgtk-3-0", "parity", "tests/Data/golden")]
    [InlineData("", "doctor")]
    [InlineData("", "doctor", "--gpu", "Tesla T4", Traits = ["Category", "Slow"])]
    [InlineData("", "attention", "verify")]
    [InlineData("", "checkpoint", "new", "--out", "c")]
    [InlineData("", "train", "speech", "--config", "c.yaml", Traits = ["Category", "Slow"])]
    [InlineData("", "train")]
    [InlineData("", "eval", Traits = ["Category", "Slow"])]
    [InlineData("", "sync")]
    [InlineData("", "sync", "--help")]
    [InlineData("", "demo", "-h")]
    [InlineData("", "demo", "--version", Traits = ["Category", "Slow"])]
    [InlineData("")]
    public async Task Command_FreshMachine_InstallsNoMoreThanItNeeds(string packages, params string[] arguments)
    {
        using FreshMachine machine = new();
        ProgramRun run = await machine.RunAsync(arguments);
        Assert.True(run.ExitCode == 0, run.Errors);
        string[] asked =
        [
            .. machine
                .Installed.Where(line => line.StartsWith("apt-get install", StringComparison.Ordinal))
                .Select(line => line.Split(' ')[2]),
        ];
        Assert.Equal(packages, string.Join(' ', asked));
        Assert.Equal(asked.Length > 0 ? 1 : 0, machine.Asked.Count(line => line.StartsWith("apt-get update", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Sync_CheckpointWithFaceModels_LeavesTheCascadesOut()
    {
        using FreshMachine machine = new();
        using TemporaryFolder checkpoint = new();
        Directory.CreateDirectory(checkpoint.PathOf("auxiliary", "models", "buffalo_l"));
        File.WriteAllText(checkpoint.PathOf("auxiliary", "models", "buffalo_l", "det_10g.onnx"), string.Empty);
        Assert.Equal(0, (await machine.RunAsync([.. RealSync, "--checkpoint", checkpoint.Path])).ExitCode);
        Assert.DoesNotContain("apt-get install opencv-data", machine.Installed);
        Assert.Contains("apt-get install ffmpeg", machine.Installed);
    }

    [Theory]
    [InlineData("apt-get", "sudo apt-get install ffmpeg")]
    [InlineData("dnf", "sudo dnf install ffmpeg-free")]
    [InlineData("pacman", "sudo pacman -S ffmpeg")]
    [InlineData("apk", "sudo apk add ffmpeg")]
    [InlineData("brew", "brew install ffmpeg")]
    [InlineData(null, "brew install ffmpeg")]
    public async Task Demo_InstallingForbidden_SaysWhatToTypeAndAsksNobody(string? manager, string typed)
    {
        using FreshMachine machine = new(manager);
        machine.Variables["LATENTSYNC_NO_INSTALL"] = "1";
        ProgramRun run = await machine.RunAsync("demo");
        Cli.AssertFailure(3, run);
        Assert.Contains(typed, run.Errors, StringComparison.Ordinal);
        Assert.Contains("LATENTSYNC_FFMPEG", run.Errors, StringComparison.Ordinal);
        Assert.Equal(
            manager is null,
            run.Errors.Contains("sudo apt-get install ffmpeg", StringComparison.Ordinal)
                && run.Errors.Contains("sudo apk add ffmpeg", StringComparison.Ordinal)
        );
        Assert.Empty(machine.Asked);
    }

    [Fact]
    public async Task Demo_NotRootAndNoSudo_SaysWhatToType()
    {
        using FreshMachine machine = new(user: 1000);
        ProgramRun run = await machine.RunAsync("demo");
        Cli.AssertFailure(3, run);
        Assert.Contains("sudo apt-get install ffmpeg", run.Errors, StringComparison.Ordinal);
        Assert.Empty(machine.Asked);
    }

    [Fact]
    public async Task Demo_NotRootWithSudo_Installs()
    {
        using FreshMachine machine = new(user: 1000, sudo: true);
        Assert.Equal(0, (await machine.RunAsync("demo")).ExitCode);
        Assert.Contains("apt-get install ffmpeg", machine.Installed);
    }

    [Fact]
    public async Task Demo_PackageIsNowhere_SaysWhatToType()
    {
        using FreshMachine machine = new("dnf", missing: "ffmpeg-free");
        ProgramRun run = await machine.RunAsync("demo");
        Cli.AssertFailure(3, run);
        Assert.Contains("sudo dnf install ffmpeg-free", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sync_CascadesAreNowhere_SaysSoAndLeavesTheRestToTheProgram()
    {
        using FreshMachine machine = new(missing: "opencv-data");
        ProgramRun run = await machine.RunAsync(RealSync);
        Assert.Equal(0, run.ExitCode);
        Assert.StartsWith("ran sync", run.Output, StringComparison.Ordinal);
        Assert.Contains("sudo apt-get install opencv-data", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sync_ListsCannotBeRenewed_InstallsFromThoseThatAreThere()
    {
        using FreshMachine machine = new(missing: "update");
        Assert.Equal(0, (await machine.RunAsync(RealSync)).ExitCode);
        Assert.Equal(4, machine.Installed.Length);
    }

    [Theory]
    [InlineData("")]
    [InlineData(null)]
    public async Task Demo_NoHome_KeepsPackagesInArtifacts(string? home)
    {
        using FreshMachine machine = new();
        machine.Variables["HOME"] = home;
        ProgramRun run = await machine.RunAsync("demo");
        Assert.True(run.ExitCode == 0, run.Errors);
        Assert.EndsWith(
            "/artifacts/home",
            Assert.Single(machine.Asked, line => line.StartsWith("dotnet", StringComparison.Ordinal)),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(null, null, "passive, unset, unset")]
    [InlineData("OMP_WAIT_POLICY", "active", "active, unset, unset")]
    [InlineData("OMP_WAIT_POLICY", "", ", unset, unset")]
    [InlineData("GOMP_SPINCOUNT", "1000", "unset, 1000, unset")]
    [InlineData("KMP_BLOCKTIME", "200", "unset, unset, 200")]
    public async Task Command_WaitingThreads_SleepUnlessTheUserSaysHowTheyWait(string? variable, string? value, string seen)
    {
        using FreshMachine machine = new();
        machine.ReplaceProgram("echo \"${OMP_WAIT_POLICY-unset}, ${GOMP_SPINCOUNT-unset}, ${KMP_BLOCKTIME-unset}\"");
        if (variable is not null)
        {
            machine.Variables[variable] = value;
        }
        ProgramRun run = await machine.RunAsync("doctor");
        Assert.True(run.ExitCode == 0, run.Errors);
        Assert.Equal(seen + "\n", run.Output);
    }

    [Fact]
    public async Task Sync_StandardInputClosed_Installs()
    {
        using FreshMachine machine = new();
        ProgramRun run = await machine.ShellAsync("bash \"$0\" \"$@\" <&-", RealSync);
        Assert.True(run.ExitCode == 0, run.Errors);
        Assert.Equal(4, machine.Installed.Length);
    }

    [Fact]
    public async Task Command_StandardInputGiven_ReachesTheProgram()
    {
        using FreshMachine machine = new();
        ProgramRun run = await machine.ShellAsync(
            "(. \"${0%latentsync}/scripts/packages.sh\"; say() { :; }; install_for demo; cat) <<<kept"
        );
        Assert.Equal("kept\n", run.Output);
        Assert.Contains("apt-get install ffmpeg", machine.Installed);
    }
}
