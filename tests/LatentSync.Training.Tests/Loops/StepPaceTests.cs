using System.Diagnostics;
using LatentSync.Training.Loops;

namespace LatentSync.Training.Tests.Loops;

public sealed class StepPaceTests
{
    private long _now;

    [Fact]
    public void SecondsPerStep_FirstStepsWereSlow_IsThatOfTheLastFifty()
    {
        StepPace pace = new(() => _now);
        Assert.Equal(0, pace.SecondsPerStep);

        Advance(pace, steps: 30, seconds: 8);
        Assert.Equal(8, pace.SecondsPerStep, 6);

        Advance(pace, steps: 50, seconds: 2);
        Assert.Equal(2, pace.SecondsPerStep, 6);

        Advance(pace, steps: 25, seconds: 1);
        Assert.Equal(1.5, pace.SecondsPerStep, 6);
    }

    private void Advance(StepPace pace, int steps, int seconds)
    {
        for (int i = 0; i < steps; i++)
        {
            _now += seconds * Stopwatch.Frequency;
            pace.Step();
        }
    }
}
