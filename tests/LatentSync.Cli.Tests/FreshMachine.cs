using LatentSync.Testing;

namespace LatentSync.Cli.Tests;

/// <summary>A machine that has the .NET SDK and nothing else, played by a PATH of few tools: its package manager notes what it is asked for
/// and "installs" it. The scripts are the repository's own, the SDK and the program are stand-ins.</summary>
internal sealed class FreshMachine : IDisposable
{
    private static readonly string[] Tools =
    [
        "bash",
        "env",
        "readlink",
        "dirname",
        "grep",
        "sort",
        "head",
        "tail",
        "mkdir",
        "mv",
        "touch",
        "find",
        "flock",
        "chmod",
        "cat",
        "true",
    ];
    private static readonly string Bash = ProgramRun.Find("bash") ?? string.Empty;

    private readonly TemporaryFolder _folder = new();
    private readonly string _bin;
    private readonly string _root;

    /// <summary>Sets the machine up.</summary>
    /// <param name="manager">Its package manager; null: none.</param>
    /// <param name="system">What uname says.</param>
    /// <param name="user">Number of the user; 0 is root.</param>
    /// <param name="sudo">sudo is there and asks for no password.</param>
    /// <param name="missing">A package that the manager does not have.</param>
    public FreshMachine(string? manager = "apt-get", string system = "Linux", int user = 0, bool sudo = false, string missing = "none")
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || Bash.Length == 0, "bash is not here.");
        _bin = Directory.CreateDirectory(_folder.File("bin")).FullName;
        _root = Directory.CreateDirectory(_folder.File("root")).FullName;
        foreach (string tool in Tools)
        {
            if (ProgramRun.Find(tool) is { } path)
            {
                File.CreateSymbolicLink(Path.Combine(_bin, tool), path);
            }
        }
        Script(Path.Combine(_bin, "uname"), $"echo {system}");
        Script(Path.Combine(_bin, "id"), $"echo {user}");
        Script(Path.Combine(_bin, "ldconfig"), $"if [ -f '{_root}/libraries' ]; then cat '{_root}/libraries'; fi");
        Script(Path.Combine(_bin, "dotnet"), $"echo \"dotnet $1 home=${{DOTNET_CLI_HOME:-}}\" >> '{Log}'");
        if (sudo)
        {
            Script(Path.Combine(_bin, "sudo"), "[ \"$1\" = -n ] || exit 1; shift; exec \"$@\"");
        }
        if (manager is not null)
        {
            Script(Path.Combine(_bin, manager), Manager(manager, missing));
        }
        Directory.CreateDirectory(Path.Combine(_root, "scripts"));
        Directory.CreateDirectory(Path.Combine(_root, "src"));
        foreach (
            string script in (string[])["latentsync", "scripts/setup.sh", "scripts/packages.sh", "scripts/needs.txt", "scripts/setup.ps1"]
        )
        {
            File.Copy(RepositoryRoot.PathOf(script.Split('/')), Path.Combine(_root, script));
        }
        // What this machine has installed must not count.
        File.AppendAllText(
            Path.Combine(_root, "scripts", "packages.sh"),
            $"\ncascade_folders=('{_root}/cascades')\nffmpeg_folders=('{_root}/nowhere')\n"
        );
        ReplaceProgram("echo \"ran $*\"");
    }

    /// <summary>Variables that differ from the usual; null removes one.</summary>
    public Dictionary<string, string?> Variables { get; } =
        new()
        {
            ["HOME"] = "/nonexistent",
            ["LATENTSYNC_FFMPEG"] = null,
            ["LATENTSYNC_NO_INSTALL"] = null,
            ["LATENTSYNC_HEAP"] = null,
            ["OMP_WAIT_POLICY"] = null,
            ["GOMP_SPINCOUNT"] = null,
            ["KMP_BLOCKTIME"] = null,
        };

    /// <summary>What was asked of the package manager and of the SDK, one line each.</summary>
    public string[] Asked => File.Exists(Log) ? File.ReadAllLines(Log) : [];

    /// <summary>What the package manager was asked to install, without its options.</summary>
    public string[] Installed =>
        [
            .. Asked
                .Where(line => !line.StartsWith("dotnet", StringComparison.Ordinal))
                .Select(line =>
                    string.Join(' ', line.Split(' ').Where(word => !word.StartsWith('-') && !word.Contains("::", StringComparison.Ordinal)))
                ),
        ];

    private string Log => Path.Combine(_root, "asked");

    /// <summary>Runs ./latentsync.</summary>
    public Task<ProgramRun> RunAsync(params string[] arguments) => ShellAsync("bash \"$0\" \"$@\"", arguments);

    /// <summary>Runs a line of bash in which "$0" is ./latentsync and "$@" the arguments.</summary>
    public Task<ProgramRun> ShellAsync(string line, params string[] arguments)
    {
        Variables["PATH"] = _bin;
        return ProgramRun.RunAsync(
            new ProgramStart(Bash, ["-c", line, Path.Combine(_root, "latentsync"), .. arguments]) { Folder = _root, Variables = Variables }
        );
    }

    /// <summary>Runs what latentsync.cmd runs before the command: the same steps, in PowerShell. Skips where it is not here.</summary>
    public Task<ProgramRun> PowerShellAsync(params string[] arguments)
    {
        string? shell = ProgramRun.Find("pwsh") ?? ProgramRun.Find("powershell");
        Assert.SkipWhen(shell is null, "no PowerShell is here.");
        Variables["PATH"] = _bin;
        return ProgramRun.RunAsync(
            new ProgramStart(shell, ["-NoProfile", "-NonInteractive", "-File", Path.Combine(_root, "scripts", "setup.ps1"), .. arguments])
            {
                Folder = _root,
                Variables = Variables,
            }
        );
    }

    /// <summary>Writes a source file, now or at another time.</summary>
    public void Edit(string name, DateTime? time = null)
    {
        File.WriteAllText(Path.Combine(_root, "src", name), string.Empty);
        File.SetLastWriteTimeUtc(Path.Combine(_root, "src", name), time ?? DateTime.UtcNow);
    }

    /// <summary>From now on a program of this machine does something else.</summary>
    public void Replace(string name, string body) => Script(Path.Combine(_bin, name), body);

    /// <summary>What the built latentsync does.</summary>
    public void ReplaceProgram(string body)
    {
        string program = Path.Combine(_root, "artifacts", "bin", "LatentSync.Cli", "release", "LatentSync.Cli");
        Directory.CreateDirectory(Path.GetDirectoryName(program)!);
        Script(program, body);
    }

    /// <summary>Takes a program away.</summary>
    public void Remove(string name) => File.Delete(Path.Combine(_bin, name));

    public void Dispose() => _folder.Dispose();

    // It reads its standard input, as real ones may: what is piped into the command must not end there.
    private string Manager(string name, string missing) =>
        $$"""
            cat >/dev/null
            echo "{{name}} $*" >> '{{Log}}'
            for word in "$@"; do
                if [ "$word" = "{{missing}}" ]; then echo "no package $word" >&2; exit 100; fi
            done
            for word in "$@"; do
                case "$word" in
                    ffmpeg | ffmpeg-free | Gyan.FFmpeg) for p in ffmpeg ffprobe; do echo >'{{_bin}}'/$p; chmod +x '{{_bin}}'/$p; done ;;
                    opencv | opencv-data) mkdir -p '{{_root}}/cascades'; touch '{{_root}}'/cascades/haarcascade_{frontalface_default,eye}.xml ;;
                    libgtk-3-0 | gtk3 | gtk+3.0) echo libgtk-3.so.0 libdrm.so.2 libatomic.so.1 >'{{_root}}/libraries' ;;
                esac
            done
            """;

    private static void Script(string path, string body)
    {
        File.WriteAllText(path, $"#!{Bash}\n{body}\n");
        if (OperatingSystem.IsWindows())
        {
            return;
        }
        File.SetUnixFileMode(
            path,
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute
        );
    }
}
