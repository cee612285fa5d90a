using System.Text.Json;
using LatentSync.Attention.Machines;
using LatentSync.Foundation.Wording;

namespace LatentSync.Doctor.Machines;

/// <summary>Reads the objects of a machine file. Every key must be known, every value in range; a GPU may be given by its name alone, a
/// libtorch by version and build.</summary>
internal static class MachineFileReader
{
    private const int MostGpus = 64,
        MostNames = 256,
        MostCores = 4096;
    private const long MostBytes = 1L << 50;

    public static Machine Read(JsonElement root, string file)
    {
        var here = new Place(file, "");
        here.Expect(root, JsonValueKind.Object, "an object");
        if (root.TryGetProperty("machine", out JsonElement inner))
        {
            here = new Place(file, "machine");
            root = inner;
            here.Expect(root, JsonValueKind.Object, "an object");
        }
        here.Keys(
            root,
            "os",
            "cpu",
            "memoryBytes",
            "gpus",
            "cuda",
            "libtorch",
            "libstdcxx",
            "ffmpeg",
            "dotnet",
            "kernel",
            "glibc",
            "rocm",
            "probes",
            "probeMilliseconds"
        );
        string os = here.Text(root, "os") ?? "linux";
        LibTorchInfo? torch = LibTorch(root, here);
        return new Machine(
            os,
            Cpu(root, here),
            here.Number(root, "memoryBytes", 0, MostBytes) ?? 0,
            Gpus(root, here),
            Cuda(root, here, torch),
            torch
        );
    }

    private static CpuInfo Cpu(JsonElement root, Place at)
    {
        if (at.Object(root, "cpu", out JsonElement cpu, out Place here) is false)
        {
            return new CpuInfo("unknown", 1, [], "x64");
        }
        here.Keys(cpu, "name", "cores", "isa", "architecture");
        return new CpuInfo(
            here.Text(cpu, "name") ?? "unknown",
            (int)(here.Number(cpu, "cores", 1, MostCores) ?? 1),
            here.Texts(cpu, "isa", MostNames),
            here.Text(cpu, "architecture") ?? "x64"
        );
    }

    private static List<GpuInfo> Gpus(JsonElement root, Place at)
    {
        List<GpuInfo> gpus = [];
        foreach ((JsonElement gpu, Place here) in at.Items(root, "gpus", MostGpus))
        {
            here.Expect(gpu, JsonValueKind.Object, "an object");
            here.Keys(gpu, "name", "computeCapability", "memoryBytes", "freeBytes", "driver", "maker", "migProfile");
            string name = here.Text(gpu, "name") ?? throw here.Problem("has no \"name\"");
            string? capability = here.Text(gpu, "computeCapability");
            long? bytes = here.Number(gpu, "memoryBytes", 0, MostBytes);
            string? maker = here.Text(gpu, "maker");
            if (capability is not null && !GpuArchitectures.TryParse(capability, out _))
            {
                throw here.Problem($"computeCapability \"{capability}\" is not of the form 8.6");
            }
            if (capability is null && maker is null && NamedGpus.TryFind(name) is { } known)
            {
                (capability, bytes, maker) = (known.ComputeCapability, bytes ?? known.MemoryBytes, known.Maker);
            }
            gpus.Add(
                new GpuInfo(name, capability, bytes ?? 0, here.Number(gpu, "freeBytes", 0, MostBytes), here.Text(gpu, "driver"))
                {
                    Maker = maker,
                    MigProfile = here.Text(gpu, "migProfile"),
                }
            );
        }
        return gpus;
    }

    private static CudaInfo? Cuda(JsonElement root, Place at, LibTorchInfo? torch)
    {
        string? runtime = LibTorchCatalog.Find(torch?.Version, torch?.Flavor)?.Cuda;
        if (at.Object(root, "cuda", out JsonElement cuda, out Place here) is false)
        {
            return runtime is null ? null : new CudaInfo(null, runtime);
        }
        here.Keys(cuda, "driver", "runtime", "cuDnn");
        string? driver = Version(cuda, "driver", here),
            cudnn = Version(cuda, "cuDnn", here);
        runtime = Version(cuda, "runtime", here) ?? runtime;
        return (driver ?? runtime ?? cudnn) is null ? null : new CudaInfo(driver, runtime) { CuDnn = cudnn };
    }

    private static string? Version(JsonElement cuda, string key, Place here) =>
        here.Text(cuda, key) is not { } text ? null
        : Versions.Parse(text) is not null ? text
        : throw here.Problem($"{key} \"{text}\" is not a version such as 12.8");

    private static LibTorchInfo? LibTorch(JsonElement root, Place at)
    {
        if (at.Object(root, "libtorch", out JsonElement torch, out Place here) is false)
        {
            return null;
        }
        here.Keys(torch, "version", "flavor", "path", "repaired", "architectures", "hasFlashAttention", "hasEfficientAttention");
        if (here.Text(torch, "version") is not { } version)
        {
            return null; // the report of a machine without libtorch has the key with nothing in it
        }
        string flavor = here.Text(torch, "flavor") ?? "cpu";
        IReadOnlyList<string> architectures = here.Texts(torch, "architectures", MostNames);
        foreach (string architecture in architectures)
        {
            if (!GpuArchitectures.TryParse(architecture.Split('+')[0], out _))
            {
                throw here.Problem($"architectures: \"{architecture}\" is not of the form 8.6 or 12.0+PTX");
            }
        }
        if (architectures.Count == 0 && LibTorchCatalog.Find(version, flavor) is { } build)
        {
            architectures = build.Architectures;
        }
        return new LibTorchInfo(version, flavor, here.Text(torch, "path"), here.Flag(torch, "repaired") ?? false, architectures)
        {
            HasFlashAttention = here.Flag(torch, "hasFlashAttention"),
            HasEfficientAttention = here.Flag(torch, "hasEfficientAttention"),
        };
    }

    /// <summary>Where in a file a value is; makes the messages.</summary>
    private readonly record struct Place(string File, string Path)
    {
        public MachineDescriptionException Problem(Sentence what) =>
            new($"{File}: {(Path.Length == 0 ? "the file" : (Sentence)Path)} {what}.");

        public void Expect(JsonElement value, JsonValueKind kind, Sentence expected)
        {
            if (value.ValueKind != kind)
            {
                throw Problem($"is not {expected}");
            }
        }

        public void Keys(JsonElement value, params string[] known)
        {
            foreach (JsonProperty property in value.EnumerateObject())
            {
                if (!known.Contains(property.Name))
                {
                    throw Problem($"has the unknown key \"{Shown(property.Name)}\"; known are {string.Join(", ", known)}");
                }
            }
        }

        public bool Object(JsonElement parent, string key, out JsonElement value, out Place here)
        {
            here = In(key);
            if (!parent.TryGetProperty(key, out value) || value.ValueKind == JsonValueKind.Null)
            {
                return false;
            }
            here.Expect(value, JsonValueKind.Object, "an object");
            return true;
        }

        public string? Text(JsonElement parent, string key)
        {
            if (!parent.TryGetProperty(key, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
            {
                return null;
            }
            return In(key).Checked(value);
        }

        public long? Number(JsonElement parent, string key, long least, long most)
        {
            if (!parent.TryGetProperty(key, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
            {
                return null;
            }
            return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) && number >= least && number <= most
                ? number
                : throw In(key).Problem($"is not a whole number from {least} to {most}");
        }

        public bool? Flag(JsonElement parent, string key)
        {
            if (!parent.TryGetProperty(key, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
            {
                return null;
            }
            return value.ValueKind is JsonValueKind.True or JsonValueKind.False
                ? value.GetBoolean()
                : throw In(key).Problem("is neither true nor false");
        }

        public IReadOnlyList<string> Texts(JsonElement parent, string key, int most) =>
            [.. Items(parent, key, most).Select(item => item.Place.Checked(item.Value))];

        public List<(JsonElement Value, Place Place)> Items(JsonElement parent, string key, int most)
        {
            if (!parent.TryGetProperty(key, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
            {
                return [];
            }
            Place here = In(key);
            here.Expect(value, JsonValueKind.Array, "a list");
            if (value.GetArrayLength() > most)
            {
                throw here.Problem($"has more than {most} entries");
            }
            return
            [
                .. value
                    .EnumerateArray()
                    .Select((item, i) => (item, new Place(here.File, FormattableString.Invariant($"{here.Path}[{i}]")))),
            ];
        }

        private Place In(string key) => new(File, Path.Length == 0 ? key : $"{Path}.{key}");

        private string Checked(JsonElement value) =>
            value.ValueKind == JsonValueKind.String
            && value.GetString() is { } text
            && text.Length <= MachineFile.LongestText
            && !text.Any(char.IsControl)
                ? text
                : throw Problem($"is not a text of at most {MachineFile.LongestText} characters");

        private static string Shown(string key) =>
            key.Length <= 40 && !key.Any(char.IsControl) ? key : new string([.. key.Where(c => !char.IsControl(c)).Take(40)]) + "...";
    }
}
