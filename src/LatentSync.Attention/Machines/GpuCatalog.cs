using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.RegularExpressions;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Machines;

/// <summary>What a GPU is sold for.</summary>
public enum GpuSegment
{
    /// <summary>GeForce.</summary>
    Consumer,

    /// <summary>Quadro, RTX A, RTX PRO.</summary>
    Workstation,

    /// <summary>Tesla and its successors.</summary>
    DataCenter,

    /// <summary>Jetson and small desktop systems with a GPU in the processor.</summary>
    Embedded,
}

/// <summary>A GPU as it is sold.</summary>
/// <param name="Name">Name as the driver tells it, without "NVIDIA".</param>
/// <param name="ComputeCapability">"8.6".</param>
/// <param name="MemoryBytes">Memory in bytes, as sold; where one name has several sizes, the commonest.</param>
/// <param name="Family">Architecture: "Turing".</param>
/// <param name="Segment">What it is sold for.</param>
public sealed record GpuModel(string Name, string ComputeCapability, long MemoryBytes, string Family, GpuSegment Segment);

/// <summary>NVIDIA's GPUs from Maxwell to Blackwell, so that a machine can be described by a GPU's name.</summary>
/// <remarks>Compute capabilities: developer.nvidia.com/cuda-gpus. Memory: NVIDIA's product pages, from memory.</remarks>
public static partial class GpuCatalog
{
    /// <summary>Words that do not tell one GPU from another.</summary>
    private static readonly FrozenSet<string> Noise = new[]
    {
        "nvidia",
        "geforce",
        "tesla",
        "gpu",
        "graphics",
        "card",
        "corporation",
        "generation",
        "edition",
        "tm",
        "r",
        "series",
        "developer",
        "kit",
        "module",
        "lovelace",
    }.ToFrozenSet();

    /// <summary>Words that name a variant; a name matches without them when it does not match with them.</summary>
    private static readonly FrozenSet<string> Variants = new[]
    {
        "sxm",
        "sxm2",
        "sxm3",
        "sxm4",
        "sxm5",
        "pcie",
        "nvl",
        "hbm2",
        "hbm2e",
        "hbm3",
        "hbm3e",
        "laptop",
        "mobile",
        "max",
        "q",
        "maxq",
        "workstation",
        "server",
        "quadro",
        "jetson",
        "rtx",
        "gtx",
        "oem",
        "sff",
        "blackwell",
    }.ToFrozenSet();

    /// <summary>Words that name a series.</summary>
    private static readonly FrozenSet<string> SeriesWords = new[]
    {
        "rtx",
        "gtx",
        "quadro",
        "titan",
        "jetson",
        "tesla",
        "pro",
        "ada",
        "laptop",
    }.ToFrozenSet();

    private static readonly Lazy<FrozenDictionary<string, GpuModel>> ByName = new(() => Index(IsTelling));
    private static readonly Lazy<FrozenDictionary<string, GpuModel>> ByCore = new(() => Index(IsCore));

    /// <summary>The GPU with a name. Upper and lower case, spaces and hyphens, the maker's name, and words like "GPU" or "PCIe" do not
    /// matter: "Tesla T4", "T4", "nvidia t4", "RTX 4090", "4090", "NVIDIA A100-SXM4-40GB".</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="FormatException">There is none; the message names the nearest.</exception>
    public static GpuModel Find(string name) =>
        TryFind(name, out GpuModel? model) ? model
        : IsOtherMaker(name)
            ? throw new FormatException(
                Sentence.Say(
                    $"\"{name}\" is not an NVIDIA GPU. The CUDA kernels only run on NVIDIA GPUs, not on those of AMD, Apple or Intel. Leave the GPU out (none) to see what the processor does."
                )
            )
        : throw new FormatException(
            Sentence.Say(
                $"\"{name}\" is not in the list of known GPUs. The nearest names are {string.Join(", ", Nearest(name, 3).Select(near => near.Name))}. A missing GPU can be described in a machine file (⟦MachineFile FILE⟧) by its compute capability and memory."
            )
        );

    /// <summary>The GPU with a name, as <see cref="Find"/> does. A memory size in the name ("RTX 3080 12GB") overrules the
    /// catalogue's.</summary>
    /// <param name="name">The name.</param>
    /// <param name="model">The GPU.</param>
    /// <returns>False when there is none.</returns>
    public static bool TryFind(string name, [NotNullWhen(true)] out GpuModel? model)
    {
        ArgumentNullException.ThrowIfNull(name);
        string[] words = Words(name);
        if (ByName.Value.TryGetValue(Key(words, IsTelling), out model))
        {
            return true;
        }
        if (!ByCore.Value.TryGetValue(Key(words, IsCore), out model) || Contradicts(words, Words(model.Name)))
        {
            model = null;
            return false;
        }
        string core = Key(words, IsCore);
        if (words.Select(GibibytesOf).FirstOrDefault(size => size > 0) is > 0 and var gibibytes)
        {
            long bytes = (long)gibibytes << 30;
            model =
                All.FirstOrDefault(other => other.MemoryBytes == bytes && Key(Words(other.Name), IsCore) == core)
                ?? model with
                {
                    MemoryBytes = bytes,
                };
        }
        return true;
    }

    /// <summary>The GPUs whose names are nearest to a text, the nearest first: the same number in another series, then the same series,
    /// then the longest common beginning, then the fewest changed letters.</summary>
    /// <param name="name">The text.</param>
    /// <param name="count">How many.</param>
    public static IReadOnlyList<GpuModel> Nearest(string name, int count)
    {
        ArgumentNullException.ThrowIfNull(name);
        string[] words = Words(name);
        string whole = Key(words, IsTelling),
            core = Key(words, IsCore);
        return
        [
            .. All.Select(model => (Model: model, Words: Words(model.Name)))
                .OrderBy(entry => core.Length > 0 && Key(entry.Words, IsCore) == core ? 0 : 1)
                .ThenByDescending(entry => words.Where(IsSeries).Count(entry.Words.Contains))
                .ThenByDescending(entry => CommonStart(core, Key(entry.Words, IsCore)))
                .ThenBy(entry =>
                    Math.Min(NearestName.Distance(whole, Key(entry.Words, IsTelling)), NearestName.Distance(core, Key(entry.Words, IsCore)))
                )
                .Select(entry => entry.Model)
                .Take(count),
        ];
    }

    /// <summary>A name of AMD, Apple or Intel.</summary>
    private static bool IsOtherMaker(string name) => OtherMakers().IsMatch(name);

    [GeneratedRegex(
        @"\b(radeon|instinct|amd|apple|intel|arc|iris|rx\s?\d{3,4}\w*|mi\s?\d{2,3}[a-z]?|m[1-9](\s?(pro|max|ultra))?)\b",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant
    )]
    private static partial Regex OtherMakers();

    private static bool IsSeries(string word) => SeriesWords.Contains(word);

    private static int CommonStart(string a, string b)
    {
        int length = 0;
        while (length < a.Length && length < b.Length && a[length] == b[length])
        {
            length++;
        }
        return length;
    }

    /// <summary>A name may leave words out, but not contradict: a "GTX 4090" is not an RTX 4090.</summary>
    private static bool Contradicts(string[] words, string[] own) =>
        words.Contains("rtx") && own.Contains("gtx") || words.Contains("gtx") && own.Contains("rtx");

    private static FrozenDictionary<string, GpuModel> Index(Func<string, bool> keep)
    {
        var index = new Dictionary<string, GpuModel>(StringComparer.Ordinal);
        foreach (GpuModel model in All)
        {
            index.TryAdd(Key(Words(model.Name), keep), model); // where two names fall together, the first of the table
        }
        return index.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>Lower-case words. A series and its number are two words even when written as one: "rtx4090".</summary>
    private static string[] Words(string name)
    {
        var words = new List<string>();
        int start = 0;
        string text = name.ToLowerInvariant();
        for (int i = 0; i <= text.Length; i++)
        {
            bool ends = i == text.Length || !char.IsAsciiLetterOrDigit(text[i]);
            if (!ends && !(char.IsAsciiDigit(text[i]) && text[start..i] is "rtx" or "gtx" or "geforce" or "quadro" or "tesla" or "jetson"))
            {
                continue;
            }
            if (i > start)
            {
                words.Add(text[start..i]);
            }
            start = ends ? i + 1 : i;
        }
        return [.. words];
    }

    private static string Key(string[] words, Func<string, bool> keep) => string.Concat(words.Where(keep));

    private static bool IsTelling(string word) => !Noise.Contains(word);

    private static bool IsCore(string word) => !Noise.Contains(word) && !Variants.Contains(word) && GibibytesOf(word) == 0;

    /// <summary>40 of "40gb", else 0.</summary>
    private static int GibibytesOf(string word) =>
        word.EndsWith("gb", StringComparison.Ordinal)
        && int.TryParse(word.AsSpan(..^2), NumberStyles.None, CultureInfo.InvariantCulture, out int size)
            ? size
            : 0;
}
