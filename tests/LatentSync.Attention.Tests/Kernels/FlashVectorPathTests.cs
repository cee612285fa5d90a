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

    [Theory]
    [MemberData(nameof(Switches))]
    public async Task Kernels_WiderVectorsSwitchedOff_PassTheirTests(string variable, int without, int left)
    {
        Assert.SkipUnless(FlashVectorWidthTests.Width >= without, $"This processor has no vectors of {without} bits to switch off.");
        string program = Path.Combine(AppContext.BaseDirectory, "LatentSync.Attention.Tests" + (OperatingSystem.IsWindows() ? ".exe" : ""));
        string[] arguments =
        [
            "-noColor",
            "-noLogo",
            "-trait-",
            "Category=Exhaustive",
            // Vectors in software are slow: there the random problems are all that looks at gradients and at large ones.
            .. (
                left > 0
                    ?
                    [
                        .. Subjects,
                        nameof(FlashGradientTests),
                        nameof(FlashPrefetchTests),
                        nameof(FlashMagnitudeTests),
                        nameof(FlashHiddenNumbersTests),
                    ]
                    : Subjects
            ).SelectMany(subject => (string[])["-class", $"{typeof(FlashVectorPathTests).Namespace}.{subject}"]),
        ];

        ProgramRun run = await ProgramRun.RunAsync(
            new ProgramStart(program, arguments)
            {
                Variables = new Dictionary<string, string?>
                {
                    [variable] = "0",
                    [FlashVectorWidthTests.Expected] = left.ToString(System.Globalization.CultureInfo.InvariantCulture),
                    ["LATENTSYNC_TEST_CASES"] = left > 0 ? "600" : "60",
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
