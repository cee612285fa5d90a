using LatentSync.Platform.Machines;

namespace LatentSync.Platform.Tests.Machines;

public sealed class ProbeRunnerTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    [Fact]
    public void Take_ProbeThatHangs_IsGivenUpAndTheNextAnswers()
    {
        using var never = new ManualResetEventSlim();
        var runner = new ProbeRunner(TimeSpan.FromSeconds(2), Long);

        Func<string> first = runner.Start(
            "driver",
            () =>
            {
                never.Wait(TestContext.Current.CancellationToken);
                return "answer";
            },
            "unknown",
            answer => answer
        );
        Func<string> second = runner.Start("next", () => "answer", "unknown", answer => answer);
        (string hung, string next) = (first(), second());
        never.Set();

        Assert.Equal(("unknown", "answer"), (hung, next));
        Assert.Equal(new ProbeOutcome("driver", false, "unknown: no answer within 2 s"), runner.Outcomes[0] with { Milliseconds = 0 });
        Assert.True(runner.Outcomes[0].Milliseconds > 1000, "the time that was waited is told");
    }

    [Fact]
    public void Take_AllHang_TheDeadlineCountsForAllTogether()
    {
        using var never = new ManualResetEventSlim();
        var runner = new ProbeRunner(Long, TimeSpan.FromSeconds(1));

        Func<int>[] takes =
        [
            .. Enumerable
                .Range(0, 4)
                .Select(i =>
                    runner.Start(
                        $"probe {i}",
                        () =>
                        {
                            never.Wait(TestContext.Current.CancellationToken);
                            return i;
                        },
                        -1,
                        _ => ""
                    )
                ),
        ];
        int[] answers = [.. takes.Select(take => take())];
        never.Set();

        Assert.Equal([-1, -1, -1, -1], answers);
        Assert.All(runner.Outcomes, outcome => Assert.Equal("unknown: no answer within 1 s", outcome.Detail));
        Assert.True(runner.Elapsed < Long, "the deadline, not four limits");
    }

    [Fact]
    public void Take_ProbeThatThrows_IsUnknownWithItsReason()
    {
        var runner = new ProbeRunner(Long, Long);

        Assert.Equal(-1, runner.Start("x", () => throw new InvalidOperationException("it broke"), -1, answer => "")());
        Assert.Equal("unknown: it broke (InvalidOperationException)", Assert.Single(runner.Outcomes).Detail);
    }

    [Fact]
    public void Take_AnswerAfterTheOthers_HasItsOwnTime()
    {
        var runner = new ProbeRunner(Long, Long);
        Func<int> slow = runner.Start(
                "slow",
                () =>
                {
                    Thread.Sleep(200);
                    return 1;
                },
                0,
                _ => ""
            ),
            quick = runner.Start("quick", () => 2, 0, _ => "");

        Assert.Equal((1, 2), (slow(), quick()));
        Assert.True(runner.Outcomes[0].Milliseconds >= 199, "slept 200 ms");
        Assert.True(runner.Outcomes[1].Milliseconds < runner.Outcomes[0].Milliseconds, "the time of the probe, not of the waiting");
    }
}
