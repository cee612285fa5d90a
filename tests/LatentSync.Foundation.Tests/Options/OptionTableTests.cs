using LatentSync.Foundation.Options;
using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Tests.Options;

public sealed class OptionTableTests
{
    private static readonly OptionTable<Sample> Table = new(
        () => new Sample { InputPath = "" },
        new Dictionary<string, IReadOnlyList<Choice>>
        {
            [nameof(Sample.Mode)] = [new("fast", ""), new("best", ""), new("n:N", "", w => w.StartsWith("n:", StringComparison.Ordinal))],
        }
    );

    [Theory]
    [InlineData(nameof(Sample.Steps), 0, "Steps must lie between 1 and 999, not 0.")]
    [InlineData(nameof(Sample.Steps), 999, null)]
    [InlineData(nameof(Sample.Side), 72, null)]
    [InlineData(nameof(Sample.Side), 70, "Side must be a multiple of 8, not 70.")]
    [InlineData(nameof(Sample.Side), null, null)]
    [InlineData(nameof(Sample.Seconds), 0.0, "Seconds must be above 0, not 0.")]
    [InlineData(nameof(Sample.Seconds), double.NaN, "Seconds must be above 0, not NaN.")]
    [InlineData(nameof(Sample.Seconds), double.PositiveInfinity, "Seconds must be a finite number.")]
    [InlineData(nameof(Sample.Seed), -2L, "Seed must be at least -1, not -2.")]
    [InlineData(nameof(Sample.Mode), "fats", "Mode must be one of fast, best, n:N, not 'fats'; did you mean fast?")]
    [InlineData(nameof(Sample.Mode), "n:3", null)]
    [InlineData(nameof(Sample.InputPath), " ", "InputPath must name a file; it is empty.")]
    [InlineData(
        nameof(Sample.InputPath),
        "http://host/a",
        "InputPath must be a file or folder of this machine; 'http://host/a' is an address on the network: download it first."
    )]
    [InlineData(nameof(Sample.InputPath), null, "InputPath is required.")]
    public void Objection_Value_SaysWhatIsAllowed(string name, object? value, string? expected) =>
        Assert.Equal(expected, Table[name].Objection(value)?.For(new Audience(Language.English, Vocabulary.OfPrograms)));

    [Fact]
    public void Build_Values_TakesTheOthersFromTheDefaults()
    {
        Sample built = Table.Build([
            KeyValuePair.Create(nameof(Sample.Steps), (object?)5),
            KeyValuePair.Create(nameof(Sample.InputPath), (object?)"a"),
        ]);

        Assert.Equal(new Sample { InputPath = "a", Steps = 5 }, built);
        Assert.Throws<KeyNotFoundException>(() => Table.Build([KeyValuePair.Create("Stepz", (object?)5)]));
        Assert.Equal(nameof(Sample.Steps), Table.FindObjection(built with { Steps = -1 })?.Name);
        Assert.Null(Table.FindObjection(built));
    }

    [Fact]
    public void PixelKey_HasWhatChangesPixelsByItself() =>
        Assert.Equal("Steps=20;Seconds=", Table.PixelKey(new Sample { InputPath = "a", Seed = 7 }));

    [Fact]
    public void Table_PropertyWithoutDeclaration_IsAnError() =>
        Assert.Contains(
            "Forgotten",
            Assert
                .Throws<InvalidOperationException>(() =>
                    new OptionTable<Undeclared>(() => new Undeclared(), new Dictionary<string, IReadOnlyList<Choice>>())
                )
                .Message,
            StringComparison.Ordinal
        );

    private sealed record Sample
    {
        [Option("a file", OptionEffect.Inputs, Text = OptionText.InputFile)]
        public required string InputPath { get; init; }

        [Option("steps", OptionEffect.Pixels, Least = 1, Most = 999)]
        public int Steps { get; init; } = 20;

        [Option("side", OptionEffect.Settled, Least = 64, Most = 128, MultipleOf = 8, Unit = "pixels")]
        public int? Side { get; init; }

        [Option("seconds", OptionEffect.Pixels, Least = 0, IsLeastExcluded = true, Unit = "seconds")]
        public double? Seconds { get; init; }

        [Option("seed", OptionEffect.Settled, Least = -1)]
        public long Seed { get; init; }

        [Option("mode", OptionEffect.None)]
        public string Mode { get; init; } = "fast";
    }

    private sealed record Undeclared
    {
        public int Forgotten { get; init; }
    }
}
