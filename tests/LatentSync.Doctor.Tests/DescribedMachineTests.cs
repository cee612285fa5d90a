using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;
using LatentSync.Doctor.Machines;
using LatentSync.Foundation.Wording;
using LatentSync.Testing;

namespace LatentSync.Doctor.Tests;

/// <summary>The answers about machines one does not have. tests/Data/machines holds the machines (.json), the English answers (.txt) and
/// some Chinese ones (.zh.txt); LATENTSYNC_WRITE_DOCS=1 rewrites the answers that are there.</summary>
[Collection(LanguageCollection.Name)]
public sealed class DescribedMachineTests
{
    public static TheoryData<string> Answers() =>
        [
            .. Directory
                .GetFiles(RepositoryRoot.PathOf("tests", "Data", "machines"), "*.txt")
                .Select(Path.GetFileName)
                .OfType<string>()
                .Order(StringComparer.Ordinal),
        ];

    [Theory]
    [MemberData(nameof(Answers))]
    public void Answer_OfEachMachine_IsTheGoldenOne(string file)
    {
        bool isChinese = file.EndsWith(".zh.txt", StringComparison.Ordinal);
        using LanguageScope language = new(isChinese ? Language.Chinese : Language.English);
        string path = RepositoryRoot.PathOf("tests", "Data", "machines", file);
        DoctorReport report = Report(file[..file.IndexOf(isChinese ? ".zh.txt" : ".txt", StringComparison.Ordinal)]);

        string answer = DoctorText.Render(report);
        if (Environment.GetEnvironmentVariable("LATENTSYNC_WRITE_DOCS") == "1")
        {
            File.WriteAllText(path, answer);
        }

        Assert.Equal(File.ReadAllText(path).ReplaceLineEndings("\n"), answer);
        Assert.All(answer.Split('\n'), line => Assert.True(LatentSync.Foundation.Wording.Columns.Width(line) <= DoctorText.Width, line));
    }

    [Fact]
    public void Machines_EachHasAnAnswer()
    {
        string[] machines =
        [
            .. Directory
                .GetFiles(RepositoryRoot.PathOf("tests", "Data", "machines"), "*.json")
                .Select(Path.GetFileNameWithoutExtension)
                .OfType<string>(),
        ];

        Assert.True(machines.Length >= 9, "the machines of the issue");
        Assert.All(machines, name => Assert.Contains(name + ".txt", Answers().Select(row => row.Data)));
    }

    [Theory]
    [InlineData("t4-ubuntu-20.04-cuda-11.7", "7.5")]
    [InlineData("v100-ubuntu-20.04-cuda-11.7", "7.0")]
    public void Turing_AndVolta_FlashIsRefusedEverywhereAndEveryLayerRuns(string name, string capability)
    {
        using LanguageScope language = new(Language.English);
        DoctorReport report = Report(name);

        Assert.Equal("f32", report.DType);
        Assert.All(
            report.Layers,
            layer =>
            {
                LayerVerdict flash = layer.Verdicts.Single(verdict => verdict.Backend == "torch-flash");
                Assert.False(flash.Runs);
                Assert.Contains(
                    flash.Reasons,
                    reason =>
                        reason.Code == "ATT0803"
                        && reason.Found.Contains(capability, StringComparison.Ordinal)
                        && reason.Required.Contains("8.0", StringComparison.Ordinal)
                );
                Assert.NotNull(layer.Backend);
                Assert.True(layer.EstimatedBytes > 0);
            }
        );
        Assert.Equal(3, report.ExitCode); // Ubuntu 20.04's glibc
        Assert.Contains("container", report.Checks.Single(check => check.Name == "os").Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("p100", "2.10.0+cu126")]
    [InlineData("b200-libtorch-2.5.1", "2.10.0+cu128")]
    public void GpuWithoutCode_ComputesOnTheCpuAndNamesTheRightBuild(string name, string build)
    {
        using LanguageScope language = new(Language.English);
        DoctorReport report = Report(name);

        Assert.Equal("cpu", report.Device);
        Assert.Contains(build, report.Checks.Single(check => check.Name == "gpu").Remedy, StringComparison.Ordinal);
        Assert.All(report.Layers, layer => Assert.NotNull(layer.Backend));
    }

    [Fact]
    public void Gtx1660_Float16GivesBlackPicturesAndFloat32DoesNotFit_OnlyTheProcessor()
    {
        using LanguageScope language = new(Language.English);
        DoctorReport report = Report("gtx-1660");

        Assert.Contains("use float32 only (float16 gives black pictures)", report.Verdict, StringComparison.Ordinal);
        Assert.Contains("so it does not fit", report.Verdict, StringComparison.Ordinal);
        Assert.Contains("Only on the processor, with Device cpu", report.Verdict, StringComparison.Ordinal);
        Assert.Equal(("f32", "cpu", true, 0), (report.DType, report.Estimate!.Device, report.CanSync, report.ExitCode));
        Assert.Equal("gpu memory", Assert.Single(report.Checks, check => check.Status == DoctorStatus.Warning).Name);
        string advice = string.Join(
            '\n',
            [.. report.Suggestions.Select(suggestion => suggestion.Text), .. report.Checks.Select(check => check.Remedy)]
        );
        Assert.DoesNotContain("DType f16", advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Gtx16WithMoreMemory_Float32Fits_TheGpuComputes()
    {
        using LanguageScope language = new(Language.English);
        Machine machine = new MachineDescription { Gpus = ["GTX 1660"] }
            .Describe()
            .Machine;
        machine = machine with { Gpus = [machine.Gpus[0] with { MemoryBytes = 12L << 30 }] };

        DoctorReport report = DescribedDoctor.Examine(new DescribedMachine(machine, [], []));

        Assert.Contains("float32 only (float16 gives black pictures)", report.Verdict, StringComparison.Ordinal);
        Assert.Contains("so it fits", report.Verdict, StringComparison.Ordinal);
        Assert.Equal(("cuda:0", "f32"), (report.Estimate!.Device, report.Estimate.DType));
        Assert.DoesNotContain(report.Suggestions, suggestion => suggestion.Text.Contains("DType f16", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Windows 11", "2.10.0", true)]
    [InlineData("Windows 11", "2.5.1", false)] // known to lack it
    [InlineData("Ubuntu 22.04", "2.10.0", false)]
    public void WindowsFlash_SinceItIsUnknown_IsAnAssumption(string os, string libtorch, bool expected)
    {
        using LanguageScope language = new(Language.English);
        DoctorReport report = DescribedDoctor.Examine(
            new MachineDescription
            {
                Gpus = ["RTX 4090"],
                Os = os,
                LibTorch = libtorch,
            }.Describe()
        );

        Assert.Equal(expected, report.Assumptions.Any(text => text.Contains("Windows since 2.8", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("2.5.1", true)]
    [InlineData("2.10.0", false)]
    public void Verdict_OtherLibTorch_DependsOnTheLibraryLoading(string libtorch, bool expected)
    {
        using LanguageScope language = new(Language.English);
        DoctorReport report = DescribedDoctor.Examine(new MachineDescription { Gpus = ["A10"], LibTorch = libtorch }.Describe());

        Assert.Equal(
            expected,
            report.Verdict.Contains("if TorchSharp's library loads with libtorch 2.5.1 (not verified)", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void GpuMemory_AsSold_CountsAsSixPercentLess()
    {
        using LanguageScope language = new(Language.English);
        Machine sold =
                new MachineDescription { Gpus = ["T4"] }
                    .Describe()
                    .Machine,
            found = sold with { Gpus = [sold.Gpus[0] with { MemoryBytes = 15_360L << 20 }] };

        DoctorReport report = DescribedDoctor.Examine(new DescribedMachine(sold, [], [])),
            exact = DescribedDoctor.Examine(new DescribedMachine(found, [], []));

        Assert.Equal((long)(0.94 * (16L << 30)), report.NetworkMemory[0].AvailableBytes);
        Assert.Contains("as sold; about 6 % less is usable, 15.0 GiB", Assert.Single(report.Assumptions), StringComparison.Ordinal);
        Assert.Equal(15_360L << 20, exact.NetworkMemory[0].AvailableBytes);
        Assert.Empty(exact.Assumptions);
    }

    [Fact]
    public void A10_FlashRunsEverywhereButInTheAutoencoder()
    {
        DoctorReport report = Report("a10");

        Assert.All(
            report.Layers,
            layer => Assert.Equal(layer.Layer.StartsWith("vae.", StringComparison.Ordinal), layer.Backend != "torch-flash")
        );
        Assert.All(report.Layers, layer => Assert.Equal(AttentionDType.Float16.ShortName(), layer.DType));
    }

    private static DoctorReport Report(string name)
    {
        Machine machine = MachineFile.Read(RepositoryRoot.PathOf("tests", "Data", "machines", name + ".json"));
        return DescribedDoctor.Examine(new DescribedMachine(machine, [], []));
    }
}
