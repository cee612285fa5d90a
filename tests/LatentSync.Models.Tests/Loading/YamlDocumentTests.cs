using System.Text.Json;
using LatentSync.Models.Loading;
using LatentSync.Models.SyncNets;
using LatentSync.Models.UNets;
using LatentSync.Testing;

namespace LatentSync.Models.Tests.Loading;

/// <summary>What PyYAML reads is read, to the same values; what it refuses is refused with the place; nothing else ever happens.</summary>
public sealed class YamlDocumentTests
{
    /// <summary>Text, and PyYAML's value as JSON (floats by OmegaConf's rule).</summary>
    [Theory]
    [InlineData("a: [1,\n2]", """{"a":[1,2]}""")]
    [InlineData("a:\n  b: [1,\n2, 3]\n  c: 1", """{"a":{"b":[1,2,3],"c":1}}""")]
    [InlineData("a:\n  b: [1,\n  2\n]\nc: 1", """{"a":{"b":[1,2]},"c":1}""")]
    [InlineData("a: {x: 1,\ny: 2}", """{"a":{"x":1,"y":2}}""")]
    [InlineData("a: [\n# remark\n1]", """{"a":[1]}""")]
    [InlineData("a:\n- x\n- y\nb: 1", """{"a":["x","y"],"b":1}""")]
    [InlineData("a: \"x\ny\"\nb: 'it''s'", """{"a":"x y","b":"it's"}""")]
    [InlineData("a: |\n x\n y\nb: >\n z\n w\n", """{"a":"x\ny\n","b":"z w\n"}""")]
    [InlineData("%YAML 1.1\n---\na: 1\n...\n", """{"a":1}""")]
    [InlineData("\uFEFFa: 1", """{"a":1}""")]
    [InlineData("? a\n: b", """{"a":"b"}""")]
    [InlineData("base: &b {x: 1, y: [2]}\nother: *b\n", """{"base":{"x":1,"y":[2]},"other":{"x":1,"y":[2]}}""")]
    [InlineData("b: &b {x: 1, y: 2}\nm:\n  <<: *b\n  y: 3\n", """{"b":{"x":1,"y":2},"m":{"y":3,"x":1}}""")]
    [InlineData("a: !!str 1\nb: !!int \"2\"\nc: !!float 3", """{"a":"1","b":2,"c":3}""")]
    [InlineData("[0x1f, 010, 0b101, 1_000, +12, -3, 0]", "[31,8,5,1000,12,-3,0]")]
    [InlineData("[1e-5, 2.5e+3, .5, 5., 1_0.5]", "[1E-05,2500,0.5,5,10.5]")]
    [InlineData("[yes, No, ON, off, true, y]", """[true,false,true,false,true,"y"]""")]
    [InlineData("[~, null, NULL, '~', 08, 1.2.3, .inf, 2001-01-01]", """[null,null,null,"~","08","1.2.3",".inf","2001-01-01"]""")]
    [InlineData("{\"a\": \"\\ud83d\\ude00\", \"b\": [true, null, -1.5e3]}", """{"a":"😀","b":[true,null,-1500]}""")]
    public void ToJson_WhatPyYamlReads_IsReadToTheSameValue(string yaml, string json) =>
        Assert.True(
            JsonElement.DeepEquals(JsonDocument.Parse(json).RootElement, YamlDocument.ToJson(yaml)),
            YamlDocument.ToJson(yaml).GetRawText()
        );

    [Theory]
    [InlineData("model: [\n_", "line 2, column 2")]
    [InlineData(" : r", "line 1, column 2")]
    [InlineData("a: 1\nb: \"\\ud800\"", "line 2, column 4")]
    [InlineData("a: 1\n\tb: 2", "line 1, column 4")]
    [InlineData("a: b: c", "line 1, column")]
    [InlineData("a: 1\nb: 2\na: 3", "line 3, column 1: the key \"a\" occurs twice")]
    [InlineData("a: 1\n[b]: 2", "line 2, column 1: a key must be text")]
    [InlineData("a: *b", "line 1, column 4: the alias *b refers to an anchor")]
    [InlineData("a: &a [*a]", "the alias *a refers to an anchor")]
    [InlineData("a: !!python/object:os.system x", "line 1, column 4")]
    [InlineData("a: !!int x", "line 1, column 4")]
    [InlineData("a: 1\n---\nb: 2", "line 2, column 1: a second YAML document")]
    [InlineData("a: 1\nb\0: 2", "line 2, column 2: the character U+0000")]
    public void ToJson_Wrong_SaysWhere(string yaml, string place)
    {
        ModelConfigurationException refused = Assert.Throws<ModelConfigurationException>(() => YamlDocument.ToJson(yaml));
        Assert.Contains(place, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Lin:", refused.Message, StringComparison.Ordinal);
    }

    [Fact] // an attribute cannot hold half of a pair
    public void ToJson_HalfOfASurrogatePair_SaysWhere() =>
        Assert.Contains(
            "line 1, column 4: the character U+D800",
            Assert.Throws<ModelConfigurationException>(() => YamlDocument.ToJson("a: " + (char)0xD800)).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public void ToJson_Hostile_IsRefusedWithinItsBounds()
    {
        string bomb =
            "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n"
            + string.Concat(
                Enumerable.Range(1, 20).Select(i => $"a{i}: &a{i} [{string.Join(',', Enumerable.Repeat($"*a{i - 1}", 10))}]\n")
            );
        foreach (
            string yaml in (string[])
                [
                    bomb,
                    "a: " + new string('[', 500_000),
                    string.Concat(Enumerable.Repeat("- ", 200_000)),
                    string.Concat(Enumerable.Repeat("{a: ", 200_000)),
                    string.Concat(Enumerable.Repeat("? ", 200_000)),
                ]
        )
        {
            Assert.Throws<ModelConfigurationException>(() => YamlDocument.ToJson(yaml));
        }
    }

    [Fact]
    public void Read_MutatedConfigurations_GivesAConfigurationOrTheTypedFault() => ReadMutants(300);

    [Fact]
    [Trait("Category", "Slow")]
    public void Read_ManyMutatedConfigurations_GivesAConfigurationOrTheTypedFault() => ReadMutants(10_000);

    private static void ReadMutants(int perFile)
    {
        string[] texts =
        [
            .. Directory
                .GetFiles(RepositoryRoot.PathOf("configs", "demo"), "*.yaml")
                .Order(StringComparer.Ordinal)
                .Select(File.ReadAllText),
            SyncNetConfiguration.Latents16().ToJson(),
        ];
        int read = 0,
            refused = 0,
            seed = 0;
        foreach (string mutant in texts.SelectMany(text => TextMutation.Of(text, ++seed, perFile)))
        {
            foreach (
                Action<string> reader in (Action<string>[])
                    [t => YamlDocument.ToJson(t), t => LatentSyncConfiguration.FromYaml(t), t => SyncNetConfiguration.FromYaml(t)]
            )
            {
                try
                {
                    reader(mutant);
                    read++;
                }
                catch (ModelConfigurationException)
                {
                    refused++;
                }
            }
        }
        Assert.True(read > perFile / 4 && refused > perFile, $"{read} read, {refused} refused");
    }
}
