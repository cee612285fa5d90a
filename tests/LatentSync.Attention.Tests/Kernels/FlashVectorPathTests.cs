using System.Runtime.Intrinsics;
using LatentSync.Testing;

namespace LatentSync.Attention.Tests.Kernels;

/// <summary>The narrower vectors, each in a process of its own in which the wider ones are switched off.</summary>
[Trait("Category", "Integration")]
public sealed class FlashVectorPathTests
{
    private static readonly string[] Subjects =
    [
        nameof(FlashVectorWidthTests),
        nameof(FlashPropertyTests),
        nameof(FlashEdgeTests),
        nameof(FlashAccuracyTests),
        nameof(FlashGuardPageTests),
        nameof(FlashMagnitudePropertyTests),
    ];

    public static TheoryData<string, int, int> Switches() =>
        new()
        {
            { "DOTNET_EnableAVX512", 512, 256 },
            { "DOTNET_EnableAVX2", 256, 128 },
            { "DOTNET_EnableHWIntrinsic", 128, 0 },
        };

    /// <summary>Awkward shapes and some random problems on each width; the next test has all the rest.</summary>
    [Theory]
    [MemberData(nameof(Switches))]
    public Task Kernels_WiderVectorsSwitchedOff_PassSomeOfTheirTests(string variable, int without, int left) =>
        RunAsync(
            variable,
            without,
            left,
            left > 0
                ? [nameof(FlashVectorWidthTests), nameof(FlashPropertyTests), nameof(FlashEdgeTests), nameof(FlashMagnitudePropertyTests)]
                // Vectors in software are slow; the awkward shapes run on them with --all.
                : [nameof(FlashVectorWidthTests), nameof(FlashPropertyTests), nameof(FlashMagnitudePropertyTests)],
            left > 0 ? 100 : 20
        );

    // Vectors in software are slow: there the random problems are all that looks at gradients and at large ones.
    [Theory]
    [Trait("Category", "Slow")]
    [MemberData(nameof(Switches))]
    public Task Kernels_WiderVectorsSwitchedOff_PassTheirTests(string variable, int without, int left) =>
        RunAsync(
            variable,
            without,
            left,
            left > 0
                ?
                [
                    .. Subjects,
                    nameof(FlashGradientTests),
                    nameof(FlashPrefetchTests),
                    nameof(FlashMagnitudeTests),
                    nameof(FlashHiddenNumbersTests),
                ]
                : Subjects,
            left > 0 ? 600 : 60
        );

    private static async Task RunAsync(string variable, int without, int left, string[] subjects, int cases)
    {
        Assert.SkipUnless(FlashVectorWidthTests.Width >= without, $"This processor has no vectors of {without} bits to switch off.");
        string program = Path.Combine(AppContext.BaseDirectory, "LatentSync.Attention.Tests" + (OperatingSystem.IsWindows() ? ".exe" : ""));
        string[] arguments =
        [
            "-noColor",
            "-noLogo",
            "-trait-",
            "Category=Exhaustive",
            .. subjects.SelectMany(subject => (string[])["-class", $"{typeof(FlashVectorPathTests).Namespace}.{subject}"]),
        ];

        ProgramRun run = await ProgramRun.RunAsync(
            new ProgramStart(program, arguments)
            {
                Variables = new Dictionary<string, string?>
                {
                    [variable] = "0",
                    [FlashVectorWidthTests.Expected] = left.ToString(System.Globalization.CultureInfo.InvariantCulture),
                    ["LATENTSYNC_TEST_CASES"] = cases.ToString(System.Globalization.CultureInfo.InvariantCulture),
                },
            }
        );

        Assert.True(run.ExitCode == 0, run.Output + run.Errors);
        Assert.DoesNotContain("Total: 0", run.Output, StringComparison.Ordinal);
    }
}

/// <summary>Which vectors this process uses.</summary>
public sealed class FlashVectorWidthTests
{
    /// <summary>Names the bits that whoever started this process wanted.</summary>
    internal const string Expected = "LATENTSYNC_TEST_VECTOR_BITS";

    /// <summary>Bits of the widest vectors that are fast.</summary>
    internal static int Width =>
        Vector512.IsHardwareAccelerated ? 512
        : Vector256.IsHardwareAccelerated ? 256
        : Vector128.IsHardwareAccelerated ? 128
        : 0;

    [Fact]
    public void Width_SwitchedOff_TookEffect() =>
        Assert.Equal(
            Environment.GetEnvironmentVariable(Expected) is { } bits
                ? int.Parse(bits, System.Globalization.CultureInfo.InvariantCulture)
                : Width,
            Width
        );
}
