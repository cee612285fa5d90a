using System.Text;
using System.Text.Json;
using LatentSync.Foundation.Options;
using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Tests.Options;

public sealed class OptionJsonTests
{
    private static readonly OptionTable<Sample> Table = new(
        () => new Sample { InputPath = "" },
        new Dictionary<string, IReadOnlyList<Choice>> { [nameof(Sample.Mode)] = [new("fast", ""), new("best", "")] }
    );

    [Fact]
    public void Write_Read_GivesTheSameRecord()
    {
        Sample[] samples =
        [
            new Sample { InputPath = "a \"b\" ü" },
            new Sample
            {
                InputPath = "x",
                Steps = 7,
                Seconds = 0.1,
                Seed = 1L << 60,
                IsOn = true,
                Mode = "best",
            },
        ];
        foreach (Sample sample in samples)
        {
            using MemoryStream stream = new();
            using (Utf8JsonWriter writer = new(stream))
            {
                OptionJson.Write(Table, sample, writer);
            }
            using JsonDocument document = JsonDocument.Parse(stream.ToArray());

            Assert.Equal(sample, OptionJson.Read(Table, document.RootElement, out Sentence? objection, out _));
            Assert.Null(objection);
        }
    }

    [Fact]
    public void Read_FewOptions_TakesTheOthersFromTheDefaults() =>
        Assert.Equal(new Sample { InputPath = "a", Steps = 5 }, Read("""{"inputPath": "a", "steps": 5}""").Options);

    [Theory]
    [InlineData("[]", null, "Options are a JSON object.")]
    [InlineData("""{"steps": 5}""", "InputPath", "InputPath is required.")]
    [InlineData("""{"inputPath": null}""", "InputPath", "InputPath must be text.")]
    [InlineData("""{"inputPath": "a", "stepz": 5}""", null, "There is no option 'stepz'; did you mean steps?")]
    [InlineData("""{"inputPath": "a", "Steps": 5}""", null, "There is no option 'Steps'; did you mean steps?")]
    [InlineData("""{"inputPath": "a", "q": 5}""", null, "There is no option 'q'.")]
    [InlineData("""{"inputPath": "a", "steps": "5"}""", "Steps", "Steps must be a whole number.")]
    [InlineData("""{"inputPath": "a", "steps": 5.5}""", "Steps", "Steps must be a whole number.")]
    [InlineData("""{"inputPath": "a", "steps": 99999999999}""", "Steps", "Steps must be a whole number.")]
    [InlineData("""{"inputPath": "a", "steps": null}""", "Steps", "Steps must be a whole number.")]
    [InlineData("""{"inputPath": "a", "steps": 0}""", "Steps", "Steps must lie between 1 and 999, not 0.")]
    [InlineData("""{"inputPath": "a", "seconds": true}""", "Seconds", "Seconds must be a number.")]
    [InlineData("""{"inputPath": "a", "seconds": 1e999}""", "Seconds", "Seconds must be a finite number.")]
    [InlineData("""{"inputPath": "a", "isOn": 1}""", "IsOn", "IsOn must be true or false.")]
    [InlineData("""{"inputPath": "a", "mode": "fats"}""", "Mode", "Mode must be one of fast, best, not 'fats'; did you mean fast?")]
    [InlineData("""{"inputPath": {"a": 1}}""", "InputPath", "InputPath must be text.")]
    public void Read_WrongOptions_SaysWhich(string json, string? name, string expected)
    {
        (Sample? options, string? objection, string? concerned) = Read(json);

        Assert.Null(options);
        Assert.Equal(expected, objection);
        Assert.Equal(name, concerned);
    }

    private static (Sample? Options, string? Objection, string? Name) Read(string json)
    {
        using JsonDocument document = JsonDocument.Parse(Encoding.UTF8.GetBytes(json));
        Sample? options = OptionJson.Read(Table, document.RootElement, out Sentence? objection, out string? name);
        return (options, objection?.For(new Audience(Language.English, Vocabulary.OfPrograms)), name);
    }

    private sealed record Sample
    {
        [Option("a file", OptionEffect.Inputs, Text = OptionText.InputFile)]
        public required string InputPath { get; init; }

        [Option("steps", OptionEffect.Pixels, Least = 1, Most = 999)]
        public int Steps { get; init; } = 20;

        [Option("seconds", OptionEffect.Pixels, Least = 0, IsLeastExcluded = true, Unit = "seconds")]
        public double? Seconds { get; init; }

        [Option("seed", OptionEffect.Settled, Least = -1)]
        public long Seed { get; init; }

        [Option("a switch", OptionEffect.None)]
        public bool IsOn { get; init; }

        [Option("mode", OptionEffect.None)]
        public string Mode { get; init; } = "fast";
    }
}
