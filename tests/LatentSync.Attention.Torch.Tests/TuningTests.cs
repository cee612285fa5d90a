using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch.Tuning;
using LatentSync.Testing;

namespace LatentSync.Attention.Torch.Tests;

/// <summary>What was measured on this machine is used here, and nothing else is.</summary>
public sealed class TuningTests : IDisposable
{
    private static readonly Machine Here = new(
        "linux",
        new CpuInfo("Some CPU", 2, ["avx2"], "x64"),
        1L << 34,
        [],
        null,
        new LibTorchInfo("2.10.0", "cpu", null, false, [])
    );

    private static readonly AttentionProblem Temporal = AttentionProblem.Of(2, 8192, 16, 16, 40),
        Long = AttentionProblem.Of(2, 8, 4096, 4096, 40);

    private readonly TemporaryFolder _folder = new();

    private string File => _folder.File("tuning.json");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Save_ThenLoad_RanksTheFastestFirstForItsClassOnly()
    {
        TunedRanking.Save(Here, [Layer(Temporal, 1, ("torch-flash", 9, true), ("sliced", 5, true), ("torch-math", 7, true))], path: File);
        TunedRanking loaded = TunedRanking.Load(Here, File);

        Assert.True(loaded.IsUsed);
        Assert.Null(loaded.Warning);
        Assert.Equal(["sliced", "torch-math", "torch-flash"], loaded.Ranking.OrderFor(Temporal).Take(3));
        Assert.Equal(BackendRanking.Default.OrderFor(Long), loaded.Ranking.OrderFor(Long));
        Assert.Equal(BackendRanking.Default.OrderFor(Temporal), loaded.Ranking.OrderFor(Temporal with { DType = AttentionDType.BFloat16 }));
        Plan plan = AttentionSelector.Select(Temporal, new SelectionContext { Machine = Here, Ranking = loaded.Ranking }, freeBytes: null);
        Assert.Equal("sliced", plan.Chosen);
        Assert.Contains("1 classes", loaded.Describe(), StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(File)!)); // no unfinished file is left
    }

    [Fact]
    public void Save_WrongOrAbsentBackend_IsLeftOut()
    {
        TunedRanking saved = TunedRanking.Save(
            Here,
            [
                Layer(Temporal, 1, ("torch-flash", 9, true), ("sliced", 1, false), ("torch-math", 3, true)),
                Layer(Temporal with { Batch = 1 }, 5, ("torch-flash", 1, true), ("sliced", 1, true)),
            ],
            path: File
        );

        TuningEntry entry = Assert.Single(saved.Table!.Entries); // one class
        Assert.Equal(["torch-flash"], entry.Order);
        Assert.Equal(9 + 5 * 1, entry.Milliseconds["torch-flash"]);
    }

    [Fact]
    public void Save_Again_ReplacesTheClassAndKeepsTheOthers()
    {
        TunedRanking.Save(Here, [Layer(Temporal, 1, ("sliced", 1, true)), Layer(Long, 1, ("torch-math", 1, true))], path: File);
        TunedRanking saved = TunedRanking.Save(Here, [Layer(Temporal, 1, ("torch-flash", 1, true))], path: File);

        Assert.Equal(2, saved.Table!.Entries.Count);
        Assert.Equal("torch-flash", saved.Ranking.OrderFor(Temporal)[0]);
        Assert.Equal("torch-math", saved.Ranking.OrderFor(Long)[0]);
    }

    [Fact]
    public void With_MoreClassesThanAreKept_ForgetsTheOldest()
    {
        MeasuredLayer[] many =
        [
            .. Enumerable
                .Range(1, TuningTable.MostEntries)
                .Select(i => Layer(Temporal with { HeadDim = 8, Device = AttentionDevice.Cuda(i) }, 1, ("sliced", 1, true))),
        ];
        DateTimeOffset old = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        TuningTable table = TuningTable
            .Empty(MachineIdentity.Of(Here))
            .With(many, old)
            .With([Layer(Long, 1, ("sliced", 1, true))], old.AddDays(1));

        Assert.Equal(TuningTable.MostEntries, table.Entries.Count);
        Assert.Equal(MeasuredClass.Of(Long), table.Entries[0].Class);
    }

    public static TheoryData<string> OtherMachines => ["cpu", "cores", "isa", "gpu", "libtorch", "none"];

    [Theory]
    [MemberData(nameof(OtherMachines))]
    public void Load_OnAnotherMachine_UsesTheBuiltInOrderAndSaysWhy(string change)
    {
        TunedRanking.Save(Here, [Layer(Temporal, 1, ("sliced", 1, true))], path: File);
        Machine other = change switch
        {
            "cpu" => Here with { Cpu = Here.Cpu with { Name = "Other CPU" } },
            "cores" => Here with { Cpu = Here.Cpu with { Cores = 64 } },
            "isa" => Here with { Cpu = Here.Cpu with { Isa = ["avx2", "avx512f"] } },
            "gpu" => Here with { Gpus = [new GpuInfo("Tesla T4", "7.5", 1L << 34, null, "535")] },
            "libtorch" => Here with { LibTorch = Here.LibTorch! with { Version = "2.11.0" } },
            _ => Here with { LibTorch = null },
        };

        TunedRanking loaded = TunedRanking.Load(other, File);

        Assert.False(loaded.IsUsed);
        Assert.Same(BackendRanking.Default, loaded.Ranking);
        Assert.Contains("now", loaded.Warning, StringComparison.Ordinal);
        Assert.Contains(File, loaded.Warning, StringComparison.Ordinal);
    }

    public static TheoryData<string> Damages =>
        [
            "empty",
            "cut off",
            "not json",
            "null",
            "list",
            "other version",
            "unknown backend",
            "unknown key",
            "a class twice",
            "null order",
            "too large",
        ];

    [Theory]
    [MemberData(nameof(Damages))]
    public void Load_DamagedFile_UsesTheBuiltInOrderAndSavesOverIt(string damage)
    {
        TunedRanking.Save(Here, [Layer(Temporal, 1, ("sliced", 1, true))], path: File);
        string text = System.IO.File.ReadAllText(File);
        int from = text.IndexOf('{', text.IndexOf("\"entries\"", StringComparison.Ordinal)),
            to = text.LastIndexOf(']');
        string entry = text[from..to];
        System.IO.File.WriteAllText(
            File,
            damage switch
            {
                "empty" => "",
                "cut off" => text[..(text.Length / 2)],
                "not json" => "order = sliced",
                "null" => "null",
                "list" => "[]",
                "other version" => text.Replace("\"version\": 1", "\"version\": 2", StringComparison.Ordinal),
                "unknown backend" => text.Replace("sliced", "diced", StringComparison.Ordinal),
                "unknown key" => text.Replace("\"version\"", "\"colour\": 3, \"version\"", StringComparison.Ordinal),
                "a class twice" => text.Insert(to, "," + entry),
                "null order" => text.Replace("\"order\": [", "\"order\": null, \"orders\": [", StringComparison.Ordinal),
                _ => text + new string(' ', 3 << 20),
            }
        );
        Assert.NotEqual(text, System.IO.File.ReadAllText(File));

        TunedRanking loaded = TunedRanking.Load(Here, File);

        Assert.False(loaded.IsUsed);
        Assert.NotNull(loaded.Warning);
        Assert.Same(BackendRanking.Default, loaded.Ranking);
        Assert.True(TunedRanking.Save(Here, [Layer(Temporal, 1, ("sliced", 1, true))], path: File).IsUsed);
        Assert.True(TunedRanking.Load(Here, File).IsUsed);
    }

    [Fact]
    public void Load_NoFile_IsTheBuiltInOrderWithoutAWarning()
    {
        TunedRanking loaded = TunedRanking.Load(Here, File);
        Assert.False(loaded.IsUsed);
        Assert.Null(loaded.Warning);
        Assert.Same(BackendRanking.Default, TunedRanking.OfThisMachine(File).Ranking);
    }

    [Fact]
    public void Save_NoSuchPlace_Throws()
    {
        System.IO.File.WriteAllText(File, "");
        Assert.ThrowsAny<IOException>(() =>
            TunedRanking.Save(Here, [Layer(Temporal, 1, ("sliced", 1, true))], path: Path.Combine(File, "below a file.json"))
        );
    }

    [Theory]
    [InlineData(null, "/c", "/c/attention-tuning.json")]
    [InlineData("", "/c", "/c/attention-tuning.json")]
    [InlineData(" ", null, null)]
    [InlineData("off", "/c", null)]
    [InlineData(" OFF ", "/c", null)]
    [InlineData("/t/x.json", null, "/t/x.json")]
    public void TuningPath_Variable_NamesAFileOrSwitchesOff(string? text, string? cache, string? expected)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "paths of Unix");
        Assert.Equal(expected, AttentionSettings.TuningPath(text, cache));
    }

    [Theory]
    [InlineData(4096, 4096, "sliced")]
    [InlineData(2049, 4096, "sliced")]
    [InlineData(1500, 2000, "torch-math")] // as far from both: the smaller one
    [InlineData(1024, 1024, "torch-math")]
    [InlineData(100, 1024, "managed-flash")] // four doublings from the nearest: built in
    public void OrderFor_OtherLengths_TakesTheNearestMeasurement(int queryLength, int keyLength, string expected)
    {
        BackendRanking ranking = BackendRanking.Measured(
            new Dictionary<MeasuredClass, IReadOnlyList<string>>
            {
                [MeasuredClass.Of(Long)] = ["sliced"],
                [MeasuredClass.Of(Long with { QueryLength = 1024, KeyLength = 1024 })] = ["torch-math"],
            }
        );
        Assert.Equal(expected, ranking.OrderFor(Long with { QueryLength = queryLength, KeyLength = keyLength })[0]);
    }

    private static MeasuredLayer Layer(
        AttentionProblem problem,
        int repeats,
        params (string Backend, double Milliseconds, bool Right)[] results
    ) => new(problem, repeats, [.. results.Select(r => new MeasuredBackend(r.Backend, r.Right, r.Milliseconds))]);
}
