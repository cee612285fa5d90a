using System.Text;
using System.Text.Json;
using LatentSync.Attention.Machines;
using LatentSync.Doctor.Machines;
using LatentSync.Testing;

namespace LatentSync.Doctor.Tests;

[Collection(LanguageCollection.Name)]
public sealed class MachineFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Write_ThenRead_GivesTheSameMachine()
    {
        Machine machine = new MachineDescription
        {
            Gpus = ["H100", "T4"],
            Cuda = "12.8",
            LibTorch = "2.10.0",
            Os = "Windows 11",
            Memory = "64GB",
        }
            .Describe()
            .Machine;
        string path = Path.Combine(_folder.Path, "new", "machine.json");

        MachineFile.Write(path, MachineReport.Of(machine));
        MachineFile.Write(path, MachineReport.Of(machine)); // an old file is replaced

        Assert.Equal(JsonSerializer.Serialize(machine), JsonSerializer.Serialize(MachineFile.Read(path)));
        Assert.Equal(["machine.json"], Directory.GetFiles(Path.GetDirectoryName(path)!).Select(Path.GetFileName));
    }

    [Fact]
    public void Read_TheWholeReport_TakesItsMachine()
    {
        DoctorReport report = DoctorService.Examine(HealthyMachine.Options());

        Machine machine = Parse(report.ToJson());

        Assert.Equal(("linux Debian GNU/Linux 12 (bookworm)", "2.10.0"), (machine.Os, machine.LibTorch!.Version));
    }

    [Fact]
    public void Read_GpuByItsNameAlone_IsLookedUp()
    {
        Machine machine = Parse(
            """{ "os": "linux", "gpus": [{ "name": "Tesla T4" }], "libtorch": { "version": "2.5.1", "flavor": "cu118" }, "cuda": { "driver": "11.7" } }"""
        );

        Assert.Equal(("7.5", 16L << 30), (machine.Gpus[0].ComputeCapability, machine.Gpus[0].MemoryBytes));
        Assert.Contains("7.5", machine.LibTorch!.Architectures);
        Assert.Equal("11.8", machine.Cuda!.Runtime);
    }

    [Theory]
    [InlineData("not json", "is not JSON at line 1")]
    [InlineData("[]", "not an object")]
    [InlineData("""{ "oss": "linux" }""", "unknown key \"oss\"; known are os, cpu")]
    [InlineData("""{ "os": "linux", "os": "windows" }""", "\"os\" occurs twice")]
    [InlineData("""{ "os": 7 }""", "os is not a text")]
    [InlineData("""{ "memoryBytes": -1 }""", "memoryBytes is not a whole number from 0")]
    [InlineData("""{ "memoryBytes": 1e300 }""", "memoryBytes is not a whole number")]
    [InlineData("""{ "cpu": { "name": "x", "cores": 0 } }""", "cpu.cores is not a whole number from 1 to 4096")]
    [InlineData("""{ "gpus": {} }""", "gpus is not a list")]
    [InlineData("""{ "gpus": [{}] }""", "gpus[0] has no \"name\"")]
    [InlineData("""{ "gpus": [{ "name": "x", "computeCapability": "eight" }] }""", "gpus[0] computeCapability \"eight\"")]
    [InlineData("""{ "libtorch": { "version": "2.5.1", "architectures": ["new"] } }""", "libtorch architectures: \"new\"")]
    [InlineData("""{ "libtorch": { "version": "2.5.1", "repaired": "yes" } }""", "libtorch.repaired is neither true nor false")]
    [InlineData("""{ "machine": { "cuda": { "driver": "twelve" } } }""", "machine.cuda driver \"twelve\"")]
    public void Read_WhatIsWrong_IsNamedWithItsPlace(string json, string expected)
    {
        MachineDescriptionException refusal = Assert.Throws<MachineDescriptionException>(() => Parse(json));

        Assert.StartsWith("m.json", refusal.Message, StringComparison.Ordinal);
        Assert.Contains(expected, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_TooLongTooDeepOrTooMany_IsRefused()
    {
        string path = Path.Combine(_folder.Path, "long.json");
        File.WriteAllText(path, "{ \"os\": \"" + new string('x', MachineFile.LongestFile) + "\" }");

        Assert.Contains(
            "at most",
            Assert.Throws<MachineDescriptionException>(() => MachineFile.Read(path)).Message,
            StringComparison.Ordinal
        );
        Assert.Throws<MachineDescriptionException>(() => Parse(new string('[', 100)));
        Assert.Throws<MachineDescriptionException>(() =>
            Parse("{ \"gpus\": [" + string.Join(",", Enumerable.Repeat("{ \"name\": \"T4\" }", 65)) + "] }")
        );
        Assert.Throws<MachineDescriptionException>(() => Parse($"{{ \"os\": \"{new string('x', MachineFile.LongestText + 1)}\" }}"));
    }

    [Fact]
    public void Read_DamagedFiles_GiveAMachineOrTheTypedException()
    {
        byte[] whole = Encoding.UTF8.GetBytes(
            MachineFile.ToJson(
                MachineReport.Of(
                    new MachineDescription { Gpus = ["T4"], LibTorch = "2.5.1" }
                        .Describe()
                        .Machine
                )
            )
        );
        var random = new Random(3);
        int refused = 0;
        for (int i = 0; i < 2000; i++)
        {
            byte[] damaged = [.. whole];
            for (int j = 0; j <= i % 4; j++)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }
            try
            {
                MachineFile.Parse(damaged.AsMemory(0, random.Next(damaged.Length / 2, damaged.Length + 1)), "m.json");
            }
            catch (MachineDescriptionException)
            {
                refused++;
            }
        }
        Assert.True(refused > 1000, "most damage is noticed");
    }

    private static Machine Parse(string json) => MachineFile.Parse(Encoding.UTF8.GetBytes(json), "m.json");
}
