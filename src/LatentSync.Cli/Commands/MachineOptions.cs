using System.CommandLine;
using LatentSync.Doctor.Machines;
using LatentSync.Platform.LibTorch;
using LatentSync.Platform.Machines;

namespace LatentSync.Cli.Commands;

/// <summary>The options that describe a machine, shared by the commands that answer about one.</summary>
internal sealed class MachineOptions
{
    /// <summary>What `--help` says about them.</summary>
    public const string Teaching = """
        To check another machine, describe it with any of --gpu, --cuda, --driver, --os, --cpu, --memory, --machine, or --libtorch with a
        version; nothing is loaded then. Anything you omit is assumed and listed. --libtorch takes a folder (an existing one, or a name with a
        slash), whose libtorch is examined, or a version: 2.10.0, or with its build 2.5.1+cu118 or 2.10.0+cpu.
        """;

    private readonly Option<string[]> _gpu = new("--gpu")
    {
        Description = "a GPU by name (\"RTX 4090\", \"MI300X\", \"Apple M3\"); repeat it for several; none: no GPU",
        HelpName = "NAME",
        Arity = ArgumentArity.ZeroOrMore,
        AllowMultipleArgumentsPerToken = false,
    };
    private readonly Option<string?> _cuda = new("--cuda")
    {
        Description = "CUDA version as nvidia-smi shows it, such as 11.7; none: no driver",
        HelpName = "VERSION",
    };
    private readonly Option<string?> _driver = new("--driver")
    {
        Description = "version of the NVIDIA driver, such as 515.65",
        HelpName = "VERSION",
    };
    private readonly Option<string?> _libtorch = new("--libtorch")
    {
        Description = "another libtorch: its folder, or a version such as 2.5.1 or 2.5.1+cu118",
        HelpName = "DIR|VERSION",
    };
    private readonly Option<string?> _os = new("--os")
    {
        Description = "operating system, such as \"Ubuntu 20.04\" or \"Windows 11\"",
        HelpName = "NAME",
    };
    private readonly Option<string?> _cpu = new("--cpu")
    {
        Description = "processor, such as \"AMD EPYC 7543, 16 cores, avx2 avx512f\"",
        HelpName = "TEXT",
    };
    private readonly Option<string?> _memory = new("--memory") { Description = "main memory, such as 64GB", HelpName = "SIZE" };
    private readonly Option<string?> _machine = new("--machine")
    {
        Description = "a machine file (from --save-machine or doctor --json); other options override it",
        HelpName = "FILE",
    };

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All => [_gpu, _cuda, _driver, _libtorch, _os, _cpu, _memory, _machine];

    /// <summary>The machine file that is read; null: none.</summary>
    public string? DescriptionFile(ParseResult parsed) => parsed.GetValue(_machine);

    /// <summary>The described machine; null when none of the options describes one.</summary>
    /// <param name="parsed">The command line.</param>
    /// <exception cref="MachineDescriptionException">An option or the file has no meaning.</exception>
    public DescribedMachine? Described(ParseResult parsed)
    {
        string? torch = parsed.GetValue(_libtorch);
        MachineDescription said = new()
        {
            Base = parsed.GetValue(_machine) is { } file ? MachineFile.Read(file) : null,
            Gpus = parsed.GetValue(_gpu) ?? [],
            Cuda = parsed.GetValue(_cuda),
            Driver = parsed.GetValue(_driver),
            LibTorch = torch is not null && !IsFolder(torch) ? torch : null,
            Os = parsed.GetValue(_os),
            Cpu = parsed.GetValue(_cpu),
            Memory = parsed.GetValue(_memory),
        };
        if (said.IsEmpty)
        {
            return null;
        }
        if (Folder(parsed) is { } folder)
        {
            said = said with
            {
                LibTorchFound =
                    new MachineExaminer { LibTorchFolder = folder.Folder }
                        .Examine()
                        .Machine.LibTorch
                    ?? throw new MachineDescriptionException(
                        $"--libtorch {folder.Folder}: no libtorch is in this folder, nor in its lib or torch/lib."
                    ),
            };
        }
        return said.Describe();
    }

    /// <summary>The libtorch to examine here; null for the packaged one.</summary>
    /// <param name="parsed">The command line.</param>
    public LibTorchOptions? Folder(ParseResult parsed) =>
        parsed.GetValue(_libtorch) is { } given && IsFolder(given) ? new LibTorchOptions { Folder = given } : null;

    private static bool IsFolder(string text) =>
        text.Contains('/', StringComparison.Ordinal) || text.Contains('\\', StringComparison.Ordinal) || Directory.Exists(text);
}
