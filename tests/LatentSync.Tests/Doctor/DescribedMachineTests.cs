using LatentSync.Attention.Problems;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Wording;
using LatentSync.Doctor;
using LatentSync.Doctor.Machines;
using LatentSync.Testing;

namespace LatentSync.Tests.Doctor;

/// <summary>The answers about machines one does not have. tests/Data/machines holds the machines (.json), the English answers (.txt) and
/// some Chinese ones (.zh.txt); LATENTSYNC_WRITE_DOCS=1 rewrites the answers that are there.</summary>
[Collection(LanguageCollection.Name)]
public sealed class DescribedMachineTests
{
    public static TheoryData<string> Answers() =>
        [.. Directory.GetFiles(RepositoryRoot.PathOf("tests", "Data", "machines"), "*.txt").Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal)];

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
        Assert.All(answer.Split('\n'), line => Assert.True(LatentSync.Doctor.Wording.Columns.Width(line) <= DoctorText.Width, line));
    }

    [Fact]
    public void Machines_EachHasAnAnswer()
    {
        string[] machines = [.. Directory.GetFiles(RepositoryRoot.PathOf("tests", "Data", "machines"), "*.json").Select(Path.GetFileNameWithoutExtension).OfType<string>()];

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
                Assert.Contains(flash.Reasons, reason => reason.Code == "ATT0803" && reason.Found.Contains(capability, StringComparison.Ordinal) && reason.Required.Contains("8.0", StringComparison.Ordinal));
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
    public void Gtx1660_Float32DoesNotFit_VerdictSaysSo()
    {
        using LanguageScope language = new(Language.English);
        DoctorReport report = Report("gtx-1660");

        Assert.Contains("--dtype f16", report.Verdict, StringComparison.Ordinal);
        Assert.False(report.NetworkMemory[0].Fits);
    }

    [Fact]
    public void A10_FlashRunsEverywhereButInTheAutoencoder()
    {
        DoctorReport report = Report("a10");

        Assert.All(report.Layers, layer => Assert.Equal(layer.Layer.StartsWith("vae.", StringComparison.Ordinal), layer.Backend != "torch-flash"));
        Assert.All(report.Layers, layer => Assert.Equal(AttentionDType.Float16.ShortName(), layer.DType));
    }

    private static DoctorReport Report(string name)
    {
        Machine machine = MachineFile.Read(RepositoryRoot.PathOf("tests", "Data", "machines", name + ".json"));
        return DescribedDoctor.Examine(new DescribedMachine(machine, [], []));
    }
}
