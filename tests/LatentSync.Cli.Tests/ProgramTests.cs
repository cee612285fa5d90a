using System.Text.Json;
using LatentSync.Testing;

namespace LatentSync.Cli.Tests;

/// <summary>Runs of the built program: exit codes, streams, JSON.</summary>
[Collection(CliRuns.Name)]
[Trait("Category", "Integration")]
public sealed class ProgramTests(CliFixture fixture) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Out => _folder.File("out.mp4");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("Unrecognized command or argument '--nope'", "sync", "--nope")]
    [InlineData("Option '--out' is required", "sync", "--video", "v", "--audio", "a")]
    [InlineData("latentsync sync --help", "sync", "--steps", "many")]
    [InlineData("did you mean sync?", "snyc")]
    [InlineData("您是不是想写 sync？", "snyc", "--lang", "zh")]
    [InlineData("--steps needs a whole number, not \"abc\"", "sync", "--steps", "abc")]
    [InlineData("Unrecognized command or argument 'sing'", "sing")]
    [InlineData("Examples:")]
    [InlineData("attention explain", "attention")]
    [InlineData("--shape must be five whole numbers", "attention", "explain", "--shape", "1,2,3")]
    [InlineData("--deepcache must be on or off", "sync", "--video", "v", "--audio", "a", "--out", "o", "--deepcache", "maybe")]
    [InlineData("does not exist", "parity", "/nowhere/at/all")]
    [InlineData("--size must be demo or full", "checkpoint", "new", "--out", "x", "--size", "huge")]
    public async Task WrongUsage_Exits2WithTheReasonOnStandardError(string says, params string[] arguments)
    {
        ProgramRun run = await Cli.RunAsync(arguments);

        Cli.AssertFailure(ExitCode.Usage, run);
        Assert.Contains(says, run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task InputThatIsAPipeOrADevice_Exits2WithoutWaiting()
    {
        Assert.SkipUnless(NamedPipe.IsSupported && OperatingSystem.IsLinux(), "no named pipes here");
        Cli.RequireFfmpeg();
        string pipe = await NamedPipe.CreateAsync(_folder.File("pipe")),
            link = _folder.File("link.mp4"),
            nope = _folder.File("nope");
        File.CreateSymbolicLink(link, "pipe");
        await File.WriteAllTextAsync(_folder.File("list.yaml"), "model: [\n_");
        (string Says, string[] Arguments)[] cases =
        [
            ("is a pipe", ["sync", "--video", link, "--audio", link, "--out", Out]),
            ("is a pipe", ["sync", "--video", "/dev/stdin", "--audio", "/dev/stdin", "--out", Out]),
            ("is a pipe", ["doctor", "--machine", pipe]),
            ("does not exist", ["eval", "sync", "--video", "v.mp4", "--syncnet", nope]),
            ("/dev/zero", ["train", "vae", "--config", "/dev/zero", "--out", nope]),
            ("line 2, column 2", ["train", "vae", "--config", _folder.File("list.yaml"), "--out", nope]),
        ];
        foreach ((string says, string[] arguments) in cases)
        {
            ProgramRun run = await Cli.RunAsync(arguments);
            Cli.AssertFailure(ExitCode.Usage, run);
            Assert.Contains(says, run.Errors, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("Example:", "sync", "--help")]
    [InlineData("Exit codes:", "--help")]
    [InlineData("Exit codes:", "help")]
    [InlineData("--landmarks", "help", "sync")]
    public async Task Help_Exits0OnStandardOutput(string says, params string[] arguments)
    {
        ProgramRun run = await Cli.RunAsync(arguments);

        Assert.Equal((ExitCode.Done, string.Empty), (run.ExitCode, run.Errors));
        Assert.Contains(says, run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("usage", 2, null, "snyc", "--json")]
    [InlineData("usage", 2, null, "sync", "--video", "v", "--audio", "a", "--out", "o", "--steps", "abc", "--json")]
    [InlineData("input", 2, null, "sync", "--video", "v", "--audio", "a", "--out", "o", "--steps", "0", "--json")]
    [InlineData("machine", 3, "MED0301", "sync", "--video", "v.mp4", "--audio", "a.wav", "--out", "o.mp4", "--json")]
    public async Task Failure_Json_IsOnStandardOutput(string kind, int exitCode, string? code, params string[] arguments)
    {
        ProgramRun run = await Cli.RunAsync(NoFfmpeg, arguments);

        Assert.Equal(exitCode, run.ExitCode);
        using JsonDocument document = JsonDocument.Parse(run.Output);
        JsonElement error = document.RootElement.GetProperty("error");
        Assert.Equal(
            (kind, exitCode, code),
            (error.GetProperty("kind").GetString(), error.GetProperty("exitCode").GetInt32(), error.GetProperty("code").GetString())
        );
        Assert.StartsWith("latentsync: ", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doctor_HereWithFfmpeg_Exits0AndItsJsonHasTheContractsKeys()
    {
        Cli.RequireFfmpeg();
        ProgramRun run = await Cli.RunAsync("doctor", "--json");
        using JsonDocument document = JsonDocument.Parse(run.Output);
        JsonElement root = document.RootElement,
            machine = root.GetProperty("machine");

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(1, root.GetProperty("schemaVersion").GetInt32());
        Assert.True(root.GetProperty("canSync").GetBoolean());
        AssertKeys(machine, "os", "cpu", "memoryBytes", "gpus", "cuda", "libtorch", "libstdcxx", "ffmpeg", "dotnet");
        AssertKeys(machine.GetProperty("cpu"), "name", "cores", "isa");
        AssertKeys(machine.GetProperty("cuda"), "driver", "runtime");
        AssertKeys(machine.GetProperty("libtorch"), "version", "flavor", "path", "repaired");
        Assert.True(machine.GetProperty("memoryBytes").GetInt64() > 1L << 28);
        string[] backends = [.. root.GetProperty("backends").EnumerateArray().Select(b => b.GetProperty("name").GetString()!)];
        Assert.Superset(new HashSet<string> { "managed-flash", "torch-flash", "torch-math", "sliced" }, backends.ToHashSet());
        foreach (JsonElement backend in root.GetProperty("backends").EnumerateArray())
        {
            AssertKeys(backend, "name", "available", "reasons");
            Assert.All(
                backend.GetProperty("reasons").EnumerateArray(),
                reason => AssertKeys(reason, "code", "message", "found", "required", "remedy")
            );
            Assert.True(
                backend.GetProperty("available").GetBoolean() || backend.GetProperty("reasons").GetArrayLength() > 0,
                "what does not run needs a reason"
            );
        }
        foreach (JsonElement check in root.GetProperty("checks").EnumerateArray())
        {
            AssertKeys(check, "name", "status", "message", "remedies", "remedy");
            Assert.Contains(check.GetProperty("status").GetString(), (string[])["ok", "warning", "error"]);
        }
    }

    [Fact]
    public async Task Doctor_WithoutFfmpeg_Exits3WithTheRemedy()
    {
        ProgramRun run = await Cli.RunAsync(NoFfmpeg, "doctor");

        Assert.Equal(ExitCode.Machine, run.ExitCode);
        Assert.Contains("ffmpeg", run.Output, StringComparison.Ordinal);
        Assert.Contains("LATENTSYNC_FFMPEG", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b[", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doctor_DescribedMachine_AnswersWithoutLookingAtThisOne()
    {
        ProgramRun run = await Cli.RunAsync(NoFfmpeg, "doctor", "--gpu", "RTX 3090", "--cuda", "12.8", "--os", "Ubuntu 22.04", "--json");
        using JsonDocument document = JsonDocument.Parse(run.Output);
        JsonElement root = document.RootElement;

        Assert.Equal(ExitCode.Done, run.ExitCode); // no ffmpeg here is no matter there
        Assert.True(root.GetProperty("isDescribed").GetBoolean());
        Assert.Equal("8.6", root.GetProperty("machine").GetProperty("gpus")[0].GetProperty("computeCapability").GetString());
        Assert.NotEmpty(root.GetProperty("assumptions").EnumerateArray());
        Assert.All(
            root.GetProperty("layers").EnumerateArray(),
            layer => AssertKeys(layer, "resolution", "layer", "shape", "dType", "backend", "order", "estimatedBytes", "verdicts")
        );
    }

    [Theory]
    [InlineData("MI300X", "AMD's ROCm")]
    [InlineData("Arc A770", "Intel's GPUs")]
    [InlineData("Apple M3 Max", "--device mps")]
    public async Task Doctor_GpuOfAnotherMaker_AnswersForTheProcessor(string gpu, string expected)
    {
        ProgramRun run = await Cli.RunAsync("doctor", "--gpu", gpu);

        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.StartsWith("Would work on the described machine", run.Output, StringComparison.Ordinal);
        string unbroken = string.Join(' ', run.Output.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(expected, unbroken, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Doctor_SavedMachine_IsAnsweredAboutAlikeByFile()
    {
        using TemporaryFolder folder = new();
        string file = Path.Combine(folder.Path, "t4.json");

        ProgramRun saved = await Cli.RunAsync(
            "doctor",
            "--gpu",
            "Tesla T4",
            "--cuda",
            "11.7",
            "--libtorch",
            "2.5.1",
            "--os",
            "Ubuntu 20.04",
            "--save-machine",
            file
        );
        ProgramRun read = await Cli.RunAsync("doctor", "--machine", file);
        ProgramRun explained = await Cli.RunAsync(
            "attention",
            "explain",
            "--shape",
            "32,8,1024,1024,40",
            "--dtype",
            "f16",
            "--device",
            "cuda",
            "--machine",
            file
        );

        Assert.Equal(ExitCode.Machine, saved.ExitCode); // Ubuntu 20.04's C library
        Assert.Equal(saved.Output.Split('\n')[0], read.Output.Split('\n')[0]);
        Assert.Contains(
            "compute capability 7.5; required compute capability 8.0",
            string.Join(' ', read.Output.Split('\n').Select(line => line.Trim())),
            StringComparison.Ordinal
        );
        Assert.Contains("chosen: torch-efficient", explained.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--gpu", "RTX 4091", "RTX 4090")]
    [InlineData("--libtorch", "newest", "2.10.0")]
    [InlineData("--libtorch", "99.9", "2.10 (cu126, cu128, cu130)")]
    [InlineData("--cuda", "x", "11.7")]
    [InlineData("--lang", "fr", "en (English) or zh")]
    public async Task Doctor_WordsWithoutMeaning_Exit2WithWhatIsPossible(string option, string value, string expected)
    {
        ProgramRun run = await Cli.RunAsync("doctor", option, value);

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains(expected, run.Errors, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    [Fact]
    public async Task Doctor_MachineFileThatIsNoJson_Exits2WithThePlace()
    {
        using TemporaryFolder folder = new();
        string file = Path.Combine(folder.Path, "m.json");
        await File.WriteAllTextAsync(file, "{ \"os\": linux }", TestContext.Current.CancellationToken);

        ProgramRun run = await Cli.RunAsync("doctor", "--machine", file),
            missing = await Cli.RunAsync("doctor", "--machine", file + "x");

        Assert.Equal(ExitCode.Usage, run.ExitCode);
        Assert.Contains("m.json is not JSON at line 1", run.Errors, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, missing.ExitCode);
    }

    [Fact]
    public async Task Lang_OptionVariableAndLocale_ChooseTheLanguage()
    {
        string[] command = ["doctor", "--gpu", "A10"];
        ProgramRun option = await Cli.RunAsync([.. command, "--lang", "zh"]);
        ProgramRun variable = await Cli.RunAsync(new Dictionary<string, string?> { ["LATENTSYNC_LANG"] = "zh" }, command);
        ProgramRun locale = await Cli.RunAsync(
            new Dictionary<string, string?> { ["LC_ALL"] = "zh_CN.UTF-8", ["LATENTSYNC_LANG"] = null },
            command
        );
        ProgramRun against = await Cli.RunAsync(
            new Dictionary<string, string?> { ["LATENTSYNC_LANG"] = "zh" },
            [.. command, "--lang", "en"]
        );

        Assert.All([option, variable, locale], run => Assert.Contains("可以", run.Output, StringComparison.Ordinal));
        Assert.StartsWith("Would work", against.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AttentionExplain_Json_HasTheContractsKeys()
    {
        ProgramRun run = await Cli.RunAsync("attention", "explain", "--shape", "16,1,1024,1024,512", "--json");
        using JsonDocument document = JsonDocument.Parse(run.Output);
        JsonElement root = document.RootElement;

        Assert.Equal(ExitCode.Done, run.ExitCode);
        AssertKeys(root, "problem", "chosen", "order", "verdicts");
        string chosen = root.GetProperty("chosen").GetString()!;
        foreach (JsonElement verdict in root.GetProperty("verdicts").EnumerateArray())
        {
            AssertKeys(verdict, "backend", "runs", "reasons", "estimatedBytes");
            Assert.True(
                verdict.GetProperty("backend").GetString() != chosen || verdict.GetProperty("runs").GetBoolean(),
                "the chosen backend must run"
            );
        }
    }

    [Fact]
    public async Task AttentionExplain_Text_NamesTheSameOrderAsJson()
    {
        ProgramRun json = await Cli.RunAsync("attention", "explain", "--shape", "2,8,64,64,40", "--json");
        ProgramRun text = await Cli.RunAsync("attention", "explain", "--shape", "2,8,64,64,40");
        using JsonDocument document = JsonDocument.Parse(json.Output);
        string[] order = [.. document.RootElement.GetProperty("order").EnumerateArray().Select(e => e.GetString()!)];

        Assert.NotEmpty(order);
        Assert.Contains(
            $"chosen: {document.RootElement.GetProperty("chosen").GetString()} (then {string.Join(", ", order)})",
            text.Output,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Parity_PassingAndBrokenFixtures_LastLineCountsAndExits1()
    {
        ProgramRun passed = await Cli.RunAsync(
            "parity",
            RepositoryRoot.PathOf("tests", "Data", "golden", "ddim"),
            RepositoryRoot.PathOf("tests", "Data", "golden", "face_geometry")
        );
        Assert.Equal(ExitCode.Done, passed.ExitCode);
        Assert.Equal("2 passed, 0 failed", LastLine(passed.Output));

        Directory.CreateDirectory(_folder.File("broken"));
        File.WriteAllText(_folder.File("broken/manifest.json"), "{ \"fixture\": ");
        ProgramRun failed = await Cli.RunAsync("parity", _folder.File("broken"), RepositoryRoot.PathOf("tests", "Data", "golden", "ddim"));
        Assert.Equal(ExitCode.Failed, failed.ExitCode);
        Assert.Equal("1 passed, 1 failed", LastLine(failed.Output));
        string line = Assert.Single(failed.Output.Split('\n'), l => l.StartsWith("failed", StringComparison.Ordinal));
        Assert.Contains("broken", line, StringComparison.Ordinal);
        Assert.Contains("manifest.json", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CheckpointNew_WritesTheLayoutAndRefusesAFolderWithContent()
    {
        Assert.True(fixture.CheckpointRun.ExitCode == 0, fixture.CheckpointRun.Errors);
        Assert.Equal(fixture.Checkpoint, fixture.CheckpointRun.Output.TrimEnd());
        Assert.True(
            File.Exists(Path.Combine(fixture.Checkpoint, "latentsync_unet.pt"))
                && File.Exists(Path.Combine(fixture.Checkpoint, "whisper", "tiny.pt"))
        );

        File.WriteAllText(_folder.File("mine.txt"), "mine");
        ProgramRun refused = await Cli.RunAsync("checkpoint", "new", "--out", _folder.Path);
        Cli.AssertFailure(ExitCode.Usage, refused);
        Assert.Contains("is not empty", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(["mine.txt"], Names);
    }

    [Fact]
    public async Task Sync_Json_IsTheOnlyOutputAndProgressGoesToStandardError()
    {
        Cli.RequireFfmpeg();
        ProgramRun run = await Cli.RunAsync(fixture.Sync("--out", Out, "--json"));
        Assert.True(run.ExitCode == ExitCode.Done, run.Errors);
        using JsonDocument document = JsonDocument.Parse(run.Output);
        JsonElement root = document.RootElement;

        AssertKeys(
            root,
            "outputPath",
            "frames",
            "networkFrames",
            "frameRate",
            "facesFound",
            "facesInterpolated",
            "withoutFace",
            "seed",
            "attention",
            "stageSeconds",
            "totalSeconds",
            "peakMemoryBytes",
            "warnings",
            "detector",
            "device",
            "dType"
        );
        Assert.Equal(5, root.GetProperty("frames").GetInt32());
        Assert.Equal(Out, root.GetProperty("outputPath").GetString());
        Assert.All(root.GetProperty("attention").EnumerateArray(), use => AssertKeys(use, "layer", "backend", "calls"));
        Assert.Contains("animating the mouth: 1 step\n", run.Errors.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b[", run.Errors, StringComparison.Ordinal);
        Assert.Equal(["out.mp4"], Names);
    }

    [Fact]
    public async Task Sync_Warning_IsNoFailureAndInTheJson()
    {
        Cli.RequireFfmpeg();
        ProgramRun run = await Cli.RunAsync([
            .. fixture.Sync("--out", Out, "--json").Select(argument => argument == fixture.Checkpoint ? "demo" : argument),
        ]);

        Assert.True(run.ExitCode == ExitCode.Done, run.Errors);
        using JsonDocument document = JsonDocument.Parse(run.Output);
        Assert.Contains(
            document.RootElement.GetProperty("warnings").EnumerateArray(),
            warning => warning.GetString()!.Contains("drawn faces", StringComparison.Ordinal)
        );
        Assert.Contains("\nwarning: ", "\n" + run.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("latentsync: ", run.Errors, StringComparison.Ordinal);
        string[] stages =
        [
            .. run
                .Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Where(line => !line.StartsWith("warning: ", StringComparison.Ordinal))
                .Select(line => line.Split(':')[0].TrimEnd()),
        ];
        Assert.Equal(stages.Distinct(), stages); // one line for each
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Sync_RequiredBackendCannotRun_NamesItsCodeInBothForms()
    {
        Cli.RequireFfmpeg();
        ProgramRun run = await Cli.RunAsync(fixture.Sync("--out", Out, "--json", "--device", "cpu", "--attention", "require torch-cudnn"));

        Assert.Equal(ExitCode.Machine, run.ExitCode);
        JsonElement error = JsonDocument.Parse(run.Output).RootElement.GetProperty("error");
        Assert.Equal("ATT0003", error.GetProperty("code").GetString());
        Assert.NotEmpty(error.GetProperty("remedy").GetString()!);
        Assert.Contains("latentsync: ATT0003 ", run.Errors, StringComparison.Ordinal);
        Assert.Empty(Names);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task EvalDemo_Json_HasTheFiguresAndKeepsTheClips()
    {
        Cli.RequireFfmpeg();
        string keep = _folder.File("clips");
        ProgramRun run = await Cli.RunAsync(
            "eval",
            "demo",
            "--checkpoint",
            fixture.Checkpoint,
            "--clips",
            "1",
            "--seconds",
            "1",
            "--steps",
            "1",
            "--guidance",
            "1",
            "--keep",
            keep,
            "--json"
        );
        Assert.True(run.ExitCode == ExitCode.Done, run.Errors); // untrained weights miss the targets, which is no failure
        using JsonDocument document = JsonDocument.Parse(run.Output);
        JsonElement root = document.RootElement;

        AssertKeys(
            root,
            "correlation",
            "correlationUnrelated",
            "correlationInput",
            "offsetZeroFraction",
            "psnrOutsideMask",
            "ssimUpperFace",
            "flickerRatio",
            "seed",
            "clips",
            "seconds",
            "targets",
            "perClip",
            "trained"
        );
        Assert.False(root.GetProperty("trained").GetBoolean());
        Assert.True(root.GetProperty("psnrOutsideMask").GetDouble() > 40, "all but the mouth must survive");
        Assert.Equal(
            root.GetProperty("correlation").GetDouble(),
            Assert.Single(root.GetProperty("perClip").EnumerateArray()).GetProperty("correlation").GetDouble()
        );
        Assert.True(File.Exists(Path.Combine(keep, "clip-01", "output.mp4")));
        Assert.Contains("lip-syncing a new clip: 25 frames", run.Errors, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Sync_Text_NamesTheFileFirst()
    {
        Cli.RequireFfmpeg();
        ProgramRun run = await Cli.RunAsync(fixture.Sync("--out", Out, "--identity"));

        Assert.True(run.ExitCode == ExitCode.Done, run.Errors);
        Assert.Equal(Out, run.Output.Split('\n')[0].TrimEnd());
        Assert.Contains("160x160, 25 fps, 5 frames", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b[", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sync_BadInput_Exits2AndStackTraceOnlyWithVerbose()
    {
        Cli.RequireFfmpeg();
        File.WriteAllText(Out, "precious");
        string[] arguments = [.. fixture.Sync("--out", Out), "--video", fixture.Audio];
        string[] wrong = [.. fixture.Sync("--out", Out).Select(a => a == fixture.Video ? fixture.Audio : a)];
        ProgramRun run = await Cli.RunAsync(wrong);
        ProgramRun verbose = await Cli.RunAsync([.. wrong, "--verbose"]);

        Cli.AssertFailure(ExitCode.Usage, run);
        Assert.Contains("audio.wav", run.Errors, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, verbose.ExitCode);
        Assert.Contains("   at LatentSync.", verbose.Errors, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(Out));
        Cli.AssertFailure(ExitCode.Usage, await Cli.RunAsync(arguments)); // an option given twice
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Sync_WithoutFfmpeg_Exits3WithWhatToType(bool variable)
    {
        string empty = _folder.File("empty");
        Directory.CreateDirectory(empty);
        Assert.SkipWhen(!variable && File.Exists("/usr/bin/ffmpeg"), "ffmpeg lies in a usual folder, where it is found without PATH");
        ProgramRun run = await Cli.RunAsync(
            variable ? NoFfmpeg : new Dictionary<string, string?> { ["PATH"] = empty, ["LATENTSYNC_FFMPEG"] = null },
            fixture.Sync("--out", Out)
        );

        Cli.AssertFailure(ExitCode.Machine, run);
        Assert.Contains("type \"", run.Errors, StringComparison.Ordinal);
        Assert.Equal(["empty"], Names);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Sync_DeviceThatIsNotThere_Exits3()
    {
        Cli.RequireFfmpeg();
        ProgramRun run = await Cli.RunAsync(fixture.Sync("--out", Out, "--device", "cuda:99"));

        Cli.AssertFailure(ExitCode.Machine, run);
        Assert.Contains("cuda:99", run.Errors, StringComparison.Ordinal);
        Assert.Empty(Names);
    }

    [Theory]
    [InlineData("animating the mouth", "INT", ExitCode.Cancelled)]
    [InlineData("loading the networks", "TERM", ExitCode.Terminated, Traits = ["Category", "Slow"])]
    [InlineData("animating the mouth", "HUP", ExitCode.HungUp, Traits = ["Category", "Slow"])]
    public async Task Sync_Signalled_ExitsWithItsCodeAndWithoutDebris(string moment, string signal, int exitCode)
    {
        Cli.RequireFfmpeg();
        string? env = ProgramRun.Find("env");
        Assert.SkipWhen(OperatingSystem.IsWindows() || env is null, "sends signals, which only Unix has");
        File.WriteAllText(Out, "precious");
        bool sent = false;
        ProgramRun run = await ProgramRun.RunAsync(
            // A test started in the background inherits an ignored SIGINT; env gives the program the usual one again.
            new ProgramStart(env, ["--default-signal", Cli.Path, .. LongSync, "--resume"])
            {
                OnErrorLine = (line, process) =>
                {
                    if (!sent && line.StartsWith(moment, StringComparison.Ordinal))
                    {
                        sent = true;
                        System.Diagnostics.Process.Start("kill", [$"-{signal}", $"{process.Id}"]).WaitForExit();
                    }
                },
            }
        );

        Assert.True(sent, $"\"{moment}\" never came: {run.Errors}");
        Cli.AssertFailure(exitCode, run);
        Assert.Contains("cancelled", run.Errors, StringComparison.Ordinal);
        Assert.Contains($"latentsync sync --video {fixture.Video}", run.Errors, StringComparison.Ordinal); // how to go on
        Assert.Equal(["out.mp4"], Names);
        Assert.Equal("precious", File.ReadAllText(Out));
    }

    [Fact]
    public async Task Sync_Killed_TheNextRunRemovesWhatIsLeft()
    {
        Cli.RequireFfmpeg();
        ProgramRun killed = await ProgramRun.RunAsync(
            new ProgramStart(Cli.Path, LongSync)
            {
                OnErrorLine = (line, process) =>
                {
                    if (line.StartsWith("animating the mouth", StringComparison.Ordinal))
                    {
                        process.Kill(); // SIGKILL
                    }
                },
            }
        );
        Assert.NotEqual(ExitCode.Done, killed.ExitCode);
        Assert.Contains(Names, name => name.Contains(".partial", StringComparison.Ordinal));

        ProgramRun next = await Cli.RunAsync(fixture.Sync("--out", Out));

        Assert.True(next.ExitCode == ExitCode.Done, next.Errors);
        Assert.Equal(["out.mp4"], Names);
    }

    [Fact]
    public async Task Doctor_SavesOverItsInput_IsRefused()
    {
        File.WriteAllText(_folder.File("m.json"), "{}");
        File.CreateSymbolicLink(_folder.File("link.json"), "m.json");

        ProgramRun run = await Cli.RunAsync("doctor", "--machine", _folder.File("m.json"), "--save-machine", _folder.File("link.json"));

        Cli.AssertFailure(ExitCode.Usage, run);
        Assert.Contains("--save-machine is the same file as --machine", run.Errors, StringComparison.Ordinal);
        Assert.Equal("{}", File.ReadAllText(_folder.File("m.json")));
    }

    [Theory]
    [InlineData("decoder", Traits = ["Category", "Slow"])]
    [InlineData("encoder", Traits = ["Category", "Slow"])]
    [InlineData("audio", Traits = ["Category", "Slow"])]
    public async Task Sync_FfmpegDiesMidway_Exits1AndTheOldOutputStays(string which)
    {
        Cli.RequireFfmpeg();
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the mortal ffmpeg is a shell script");
        Directory.CreateDirectory(_folder.File("bin"));
        WriteScript("bin/ffprobe", "exec \"$REAL_FFPROBE\" \"$@\"");
        WriteScript(
            "bin/ffmpeg",
            which switch
            {
                "decoder" => "case \"$*\" in *rgb24*pipe:1*) \"$REAL_FFMPEG\" \"$@\" | head -c 200000; kill -KILL $$ ;; esac",
                "encoder" => "case \"$*\" in *libx264*) head -c 200000 >/dev/null; kill -KILL $$ ;; esac",
                _ => "case \"$*\" in *s16le*) \"$REAL_FFMPEG\" \"$@\" | head -c 1000; kill -KILL $$ ;; esac",
            } + "\nexec \"$REAL_FFMPEG\" \"$@\""
        );
        File.WriteAllText(Out, "precious");
        Dictionary<string, string?> variables = new()
        {
            ["LATENTSYNC_FFMPEG"] = _folder.File("bin"),
            ["REAL_FFMPEG"] = ProgramRun.Find("ffmpeg"),
            ["REAL_FFPROBE"] = ProgramRun.Find("ffprobe"),
        };
        ProgramRun run = await Cli.RunAsync(variables, fixture.Sync("--out", Out));

        Cli.AssertFailure(ExitCode.Failed, run);
        Assert.Contains("killed by signal 9", run.Errors, StringComparison.Ordinal);
        Assert.Equal(["bin", "out.mp4"], Names);
        Assert.Equal("precious", File.ReadAllText(Out));
    }

    private string[] LongSync
    {
        get
        {
            string[] arguments = fixture.Sync("--out", Out);
            arguments[Array.IndexOf(arguments, "--steps") + 1] = "999";
            return arguments;
        }
    }

    private static Dictionary<string, string?> NoFfmpeg => new() { ["LATENTSYNC_FFMPEG"] = "/nonexistent/ffmpeg" };

    private string[] Names =>
        [.. Directory.EnumerateFileSystemEntries(_folder.Path).Select(p => Path.GetFileName(p)!).Order(StringComparer.Ordinal)];

    private static string LastLine(string text) => text.TrimEnd().Split('\n')[^1].TrimEnd();

    private static void AssertKeys(JsonElement element, params string[] keys) =>
        Assert.Superset(keys.ToHashSet(), element.EnumerateObject().Select(p => p.Name).ToHashSet());

    private void WriteScript(string name, string text)
    {
        File.WriteAllText(_folder.File(name), $"#!/bin/sh\n{text}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(_folder.File(name), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }
}
