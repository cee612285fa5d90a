using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using System.Text;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Foundation.Files;
using LatentSync.Platform;
using LatentSync.Platform.LibTorch;

namespace LatentSync.Attention.Torch.SelfTest;

/// <summary>Self-tests that passed on this machine, in one small text file: the first line says for what, each further line is a
/// <see cref="SelfTestKey"/>. A file for something else, a damaged or an oversized one is ignored and replaced. Written to a new name and
/// renamed, so that a reader never sees half of it; when two processes write, one's additions may be lost and are tested again.</summary>
/// <param name="path">The file; its folder is made.</param>
/// <param name="identity">What the results depend on, one line.</param>
internal sealed class SelfTestCache(string path, string identity)
{
    private const int LongestFile = 64 << 10,
        MostEntries = 512;

    // The number goes up with every case that is added to the tests: what passed the old ones has not passed the new ones.
    private const string FileName = "attention-self-tests.txt",
        Format = "LatentSync attention self-tests, format 2: ";

    private readonly Lock _gate = new();
    private ImmutableHashSet<string>? _passed;

    /// <summary>The user's cache for the loaded libtorch and this machine; null when the user has no cache folder.</summary>
    internal static SelfTestCache? OfThisMachine() =>
        PlatformSettings.FromEnvironment().CacheFolder is { } folder
            ? new SelfTestCache(Path.Combine(folder, FileName), Identity(TorchRuntime.EnsureLoaded(), TorchMachine.Describe()))
            : null;

    internal bool Contains(SelfTestKey key)
    {
        lock (_gate)
        {
            return (_passed ??= Read()).Contains(key.ToString());
        }
    }

    internal void Add(SelfTestKey key)
    {
        lock (_gate)
        {
            ImmutableHashSet<string> all = Read().Union(_passed ?? []).Add(key.ToString()); // with what other processes added meanwhile
            _passed = all.Count <= MostEntries ? all : [key.ToString()];
            Write(_passed);
        }
    }

    private ImmutableHashSet<string> Read()
    {
        try
        {
            if (File.Exists(path))
            {
                string[] lines = [.. InputFile.ReadLines(path, LongestFile)];
                // A whole file ends with "end": one that was cut off is not trusted.
                if (lines.Length >= 2 && lines[0] == Format + identity && lines[^1] == "end")
                {
                    return [.. lines[1..^1].Take(MostEntries)];
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Unreadable is as good as absent: the kernels are tested again, in milliseconds.
        }
        return [];
    }

    private void Write(ImmutableHashSet<string> passed)
    {
        try
        {
            string text = string.Join('\n', [Format + identity, .. passed.Order(StringComparer.Ordinal), "end"]) + "\n";
            PartialFile.Write(path, Encoding.UTF8.GetBytes(text));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A cache that cannot be written costs the next process its milliseconds, nothing else.
        }
    }

    /// <summary>libtorch's version, flavour and file, the processor's kind, every GPU with its driver, and our version.</summary>
    private static string Identity(LibTorchLoad load, Machine machine)
    {
        var file = new FileInfo(
            Path.Combine(
                load.Folder,
                OperatingSystem.IsWindows() ? "torch_cpu.dll"
                    : OperatingSystem.IsMacOS() ? "libtorch_cpu.dylib"
                    : "libtorch_cpu.so"
            )
        );
        Assembly assembly = typeof(SelfTestCache).Assembly;
        var text = new StringBuilder();
        text.Append(
            CultureInfo.InvariantCulture,
            $"LatentSync {assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion}; libtorch {load.Version} "
        );
        text.Append(
            CultureInfo.InvariantCulture,
            $"{load.Flavor}, {(file.Exists ? file.Length : 0)} bytes of {(file.Exists ? file.LastWriteTimeUtc.Ticks : 0)}; {machine.Cpu.Architecture}"
        );
        foreach (GpuInfo gpu in machine.Gpus)
        {
            text.Append("; ").Append(gpu.Name).Append(' ').Append(gpu.ComputeCapability).Append(' ').Append(gpu.Driver);
        }
        return text.Replace('\n', ' ').Replace('\r', ' ').ToString();
    }
}
