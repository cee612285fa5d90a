using System.CommandLine;
using LatentSync.Cli.Commands;
using LatentSync.Testing;

namespace LatentSync.Cli.Tests;

/// <summary>scripts/needs.txt, the one description of the set-up: it is complete, and the set-up for Windows does what it says. SetupTests
/// hold the other one against it.</summary>
public sealed class SetupNeedsTests
{
    private static readonly string[][] Rows =
    [
        .. File.ReadAllLines(RepositoryRoot.PathOf("scripts", "needs.txt"))
            .Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => line.Split('|')),
    ];

    [Fact]
    public void Needs_EveryCommand_HasARowAndEveryRowACommand()
    {
        RootCommand root = CommandTree.Create();
        string[][] rows = [.. Rows.Where(row => row[0] == "command")];

        foreach (Command command in root.Subcommands)
        {
            string[] seconds = [.. rows.Where(row => row[1] == command.Name).Select(row => row[2])];
            Assert.True(
                seconds is ["*"] or ["+"] || command.Subcommands.Select(child => child.Name).Order().SequenceEqual(seconds.Order()),
                $"{command.Name}: {string.Join(' ', seconds)}"
            );
        }
        Assert.All(rows, row => Assert.Contains(row[1], root.Subcommands.Select(command => command.Name)));
        Assert.Contains(rows, row => row[3].Length > 0);
    }

    [Fact]
    public void Needs_EveryNeed_HasPackagesForEachManagerANameAndACheck()
    {
        string bash = File.ReadAllText(RepositoryRoot.PathOf("scripts", "packages.sh"));
        string[] needs =
        [
            .. Rows.Where(row => row[0] == "command")
                .SelectMany(row => row[3].Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Distinct(),
        ];

        Assert.Equal(["ffmpeg", "opencv", "cascades"], needs);
        foreach (string need in needs)
        {
            string[] packages = Assert.Single(Rows, row => row[0] == "package" && row[1] == need);
            Assert.Equal(8, packages.Length); // apt-get, dnf, pacman, apk, brew, winget
            Assert.All(packages, field => Assert.False(string.IsNullOrWhiteSpace(field)));
            Assert.Single(Rows, row => row[0] == "name" && row[1] == need);
            Assert.Contains($"has_{need}()", bash, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void WindowsCommand_LeavesTheSetupToItsScriptKeepsExitCodesAndHasThreadsSleep()
    {
        string text = File.ReadAllText(RepositoryRoot.PathOf("latentsync.cmd"));
        string[] lines = text.ReplaceLineEndings("\n").Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Contains(@"-File ""%~dp0scripts\setup.ps1"" %*", text, StringComparison.Ordinal);
        Assert.Equal("if errorlevel 1 exit /b %errorlevel%", lines[^2]);
        Assert.EndsWith(@"LatentSync.Cli.exe"" %*", lines[^1], StringComparison.Ordinal); // its exit code is the batch file's
        Assert.Contains(
            "if not defined OMP_WAIT_POLICY if not defined GOMP_SPINCOUNT if not defined KMP_BLOCKTIME set \"OMP_WAIT_POLICY=passive\"",
            lines
        );
        Assert.DoesNotContain("dotnet build", text, StringComparison.Ordinal);
        Assert.DoesNotContain("winget install", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "demo")]
    [InlineData(true, "synth", "--count", "1", "--out", "d")]
    [InlineData(true, "eval", "sync", "--video", "v.mp4")]
    [InlineData(true, "eval", "syncnet", "--data", "d")]
    [InlineData(true, "train", "unet", "--config", "c.yaml")]
    [InlineData(true, "sync", "--video", "v.mp4", "--landmarks", "my file.json")]
    [InlineData(false, "parity", "tests/Data/golden")]
    [InlineData(false, "doctor", "--gpu", "Tesla T4")]
    [InlineData(false, "train", "speech", "--config", "c.yaml")]
    [InlineData(false, "train")]
    [InlineData(false, "sync")]
    [InlineData(false, "sync", "--help")]
    [InlineData(false, "help", "sync")]
    [InlineData(false, "demo", "-h")]
    [InlineData(false)]
    public async Task PowerShell_FreshMachine_InstallsNoMoreThanTheCommandNeeds(bool installs, params string[] arguments)
    {
        using FreshMachine machine = new("winget");
        ProgramRun run = await machine.PowerShellAsync(arguments);

        Assert.True(run.ExitCode == 0, run.Errors);
        Assert.Empty(run.Output);
        string[] asked = [.. machine.Asked.Where(line => line.StartsWith("winget", StringComparison.Ordinal))];
        Assert.Equal(installs ? ["winget install --id Gyan.FFmpeg -e --accept-source-agreements --accept-package-agreements"] : [], asked);
    }

    [Theory]
    [InlineData("1", "winget", "LATENTSYNC_NO_INSTALL=1 forbids installing it")]
    [InlineData(null, null, "could not be installed from here")] // no winget either
    public async Task PowerShell_CannotInstall_SaysWhatToTypeAndExits3(string? forbidden, string? manager, string says)
    {
        using FreshMachine machine = new(manager);
        machine.Variables["LATENTSYNC_NO_INSTALL"] = forbidden;
        ProgramRun run = await machine.PowerShellAsync("demo");

        Cli.AssertFailure(3, run);
        Assert.Contains(says, run.Errors, StringComparison.Ordinal);
        Assert.Contains("winget install --id Gyan.FFmpeg -e", run.Errors, StringComparison.Ordinal);
        Assert.Contains("LATENTSYNC_FFMPEG", run.Errors, StringComparison.Ordinal);
        Assert.Empty(machine.Asked); // nor is it built
    }

    [Fact]
    public async Task PowerShell_SecondCall_BuildsOnlyWhatChanged()
    {
        using FreshMachine machine = new();
        machine.Edit("a.cs", DateTime.UtcNow.AddMinutes(-5));
        int Builds() => machine.Asked.Count(line => line.StartsWith("dotnet build", StringComparison.Ordinal));

        Assert.Equal(0, (await machine.PowerShellAsync("doctor")).ExitCode);
        Assert.Equal(0, (await machine.PowerShellAsync("doctor")).ExitCode);
        Assert.Equal(1, Builds());
        machine.Edit("notes.md", DateTime.UtcNow.AddMinutes(5)); // nothing that is compiled
        Assert.Equal(0, (await machine.PowerShellAsync("doctor")).ExitCode);
        Assert.Equal(1, Builds());
        machine.Edit("a.cs", DateTime.UtcNow.AddMinutes(5));
        Assert.Equal(0, (await machine.PowerShellAsync("doctor")).ExitCode);
        Assert.Equal(2, Builds());
    }

    [Fact]
    public async Task PowerShell_BuildFails_ShowsItsErrorsAndExits1()
    {
        using FreshMachine machine = new();
        machine.Replace("dotnet", "echo 'a.cs(1,1): error CS1002: ; expected'; echo 'much else'; exit 1");
        ProgramRun failed = await machine.PowerShellAsync("doctor");
        machine.Remove("dotnet");
        ProgramRun without = await machine.PowerShellAsync("doctor");

        Cli.AssertFailure(1, failed);
        Assert.Contains("error CS1002", failed.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("much else", failed.Errors, StringComparison.Ordinal);
        Cli.AssertFailure(3, without);
        Assert.Contains("'dotnet' was not found on PATH", without.Errors, StringComparison.Ordinal);
    }
}
