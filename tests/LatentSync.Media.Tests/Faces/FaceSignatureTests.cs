using LatentSync.Media.Faces.Tracking;
using LatentSync.Media.Synthesis;
using LatentSync.Testing;

namespace LatentSync.Media.Tests.Faces;

/// <summary>How well looks tell persons apart, on drawn heads that turn, blink and speak.</summary>
public sealed class FaceSignatureTests
{
    private static readonly int Persons = Sweep.Size(24, part: 12);
    private const int Looks = 6;

    [Fact]
    public void DistanceTo_DrawnPersons_TellsThemApart()
    {
        FaceSignature[][] all = [.. Enumerable.Range(0, Persons).Select(LooksOf)];
        List<double> same = [],
            different = [];
        for (int a = 0; a < Persons; a++)
        {
            for (int i = 0; i < Looks; i++)
            {
                for (int b = a; b < Persons; b++)
                {
                    for (int j = b == a ? i + 1 : 0; j < Looks; j++)
                    {
                        (a == b ? same : different).Add(all[a][i].DistanceTo(all[b][j]));
                    }
                }
            }
        }
        same.Sort();
        different.Sort();
        string figures = FormattableString.Invariant(
            $"same: median {same[same.Count / 2]:0.000}, 99 % {same[(int)(0.99 * same.Count)]:0.000}, largest {same[^1]:0.000}; different: smallest {different[0]:0.000}, 1 % {different[different.Count / 100]:0.000}, 10 % {different[different.Count / 10]:0.000}, median {different[different.Count / 2]:0.000}"
        );
        TestContext.Current.SendDiagnosticMessage(figures);
        Assert.True(same[(int)(0.99 * same.Count)] < different[different.Count / 20], figures);
    }

    private static FaceSignature[] LooksOf(int person)
    {
        SyntheticClip clip = SyntheticClip.Generate(
            new SyntheticClipOptions
            {
                Seed = 1000 + person,
                DurationSeconds = 4,
                Width = 192,
                Height = 192,
            }
        );
        List<FaceSignature> looks = [];
        int index = 0;
        foreach (SyntheticFrame frame in clip.Frames())
        {
            using (frame)
            {
                if (index++ % (100 / Looks) == 0 && looks.Count < Looks)
                {
                    looks.Add(FaceSignature.Of(frame.Frame, frame.Landmarks.Alignment));
                }
            }
        }
        return [.. looks];
    }
}
