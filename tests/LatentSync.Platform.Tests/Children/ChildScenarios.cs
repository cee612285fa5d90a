using System.Runtime.CompilerServices;
using System.Text.Json;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Platform.LibTorch;
using LatentSync.Platform.Loading;
using LatentSync.Platform.Machines;
using TorchSharp;

namespace LatentSync.Platform.Tests.Children;

/// <summary>What a child process prints, as JSON on its last line.</summary>
public sealed record ChildReport
{
    public LibTorchLoad? Load { get; init; }

    public NativeLoadFailure? Failure { get; init; }

    public string? Code { get; init; }

    /// <summary>Sum of the product of two 2x2 matrices of ones: 8.</summary>
    public float Sum { get; init; }

    /// <summary>Every libtorch_cpu mapped into the process.</summary>
    public IReadOnlyList<string> LibTorches { get; init; } = [];

    public string? SecondCall { get; init; }
}

/// <summary>The scenarios that need a process of their own: libtorch can be loaded once per process only.</summary>
internal static class ChildScenarios
{
    public static int Run(string name, string[] arguments)
    {
        ChildReport report = name switch
        {
            "torch" => Torch(arguments.ElementAtOrDefault(0), arguments.ElementAtOrDefault(1)),
            "isa" => new ChildReport { Code = string.Join(' ', InstructionSets.Read()) },
            "repair" => Repair(arguments[0], arguments[1]),
            _ => throw new ArgumentException(name),
        };
        Console.WriteLine(JsonSerializer.Serialize(report));
        return 0;
    }

    private static ChildReport Torch(string? folder, string? second)
    {
        try
        {
            LibTorchLoad load = TorchRuntime.EnsureLoaded(string.IsNullOrEmpty(folder) ? null : new LibTorchOptions { Folder = folder });
            float sum = Multiply();
            return new ChildReport
            {
                Load = load,
                Sum = sum,
                LibTorches = MappedLibraries.Read().Where(path => Path.GetFileName(path) == "libtorch_cpu.so").ToList(),
                SecondCall = second is null ? null : Second(second),
            };
        }
        catch (NativeLoadException failure)
        {
            return new ChildReport { Failure = failure.Failure, Code = failure.Failure.Code };
        }
    }

    private static string Second(string folder)
    {
        try
        {
            TorchRuntime.EnsureLoaded(new LibTorchOptions { Folder = folder });
            return "accepted";
        }
        catch (NativeLoadException failure)
        {
            return failure.Failure.Code;
        }
    }

    /// <summary>A method of its own: the JIT compiles it, and so touches TorchSharp, only when it is called.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static float Multiply()
    {
        using torch.Tensor ones = torch.ones(2, 2);
        using torch.Tensor product = torch.mm(ones, ones);
        using torch.Tensor sum = product.sum();
        return sum.item<float>();
    }

    /// <summary>Waits for the starting signal (a file), then stores a repaired copy: many of these race for the same name.</summary>
    private static ChildReport Repair(string cacheFolder, string signal)
    {
        while (!File.Exists(signal))
        {
            Thread.Sleep(1);
        }
        byte[] content = RaceContent();
        var trace = new List<LoadStep>();
        using RepairedCopy copy = new RepairedLibraryCache(cacheFolder, Path.GetTempPath()).Places("raced.so", content, trace).First();
        bool isRight = copy.IsKept && File.ReadAllBytes(copy.Path).AsSpan().SequenceEqual(content);
        return new ChildReport { Sum = isRight ? 1 : 0, Code = string.Join("; ", trace) };
    }

    /// <summary>4 MiB that every process computes alike.</summary>
    public static byte[] RaceContent()
    {
        byte[] content = new byte[4 << 20];
        new Random(20260722).NextBytes(content);
        return content;
    }
}
