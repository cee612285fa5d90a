using LatentSync.Media.Synthesis.Voices;

namespace LatentSync.Media.Tests.Synthesis;

public sealed class ArticulationTrackTests
{
    [Fact]
    public void At_AnyTime_IsInRangeAndSmooth()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            Utterance utterance = Utterance.Generate(seed, 8, VoiceProfile.FromSeed(seed));
            ArticulationTrack track = new(utterance);
            MouthShape before = track.At(-0.5);
            for (double t = -0.5; t < 8.5; t += 0.002)
            {
                MouthShape now = track.At(t);
                foreach (double value in (double[])[now.Opening, now.Width, now.Rounding, now.Teeth, now.Tongue, now.Tuck])
                {
                    Assert.InRange(value, 0, 1);
                }
                // The jaw takes at least some 40 ms from shut to open: less than 0.08 in 2 ms.
                Assert.True(Math.Abs(now.Opening - before.Opening) < 0.08, $"seed {seed}, {t:0.000} s: {before.Opening} to {now.Opening}");
                before = now;
            }
        }
    }

    [Fact]
    public void At_ClosedSounds_LipsTouch()
    {
        int closures = 0;
        for (int seed = 0; seed < 30; seed++)
        {
            Utterance utterance = Utterance.Generate(seed, 8, VoiceProfile.FromSeed(seed));
            ArticulationTrack track = new(utterance);
            foreach (PhoneSegment segment in utterance.Segments.Where(s => s.Phone is Phone.M or Phone.B or Phone.P))
            {
                closures++;
                Assert.Equal(0, track.At(segment.CentreSeconds).Opening, 1e-9);
                Assert.True(segment.Seconds > 0.06, "a closure should be seen in at least one frame of 40 ms");
            }
        }
        Assert.True(closures > 100, $"{closures} closures");
    }

    [Fact]
    public void At_PausesAndBothEnds_MouthIsShut()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            Utterance utterance = Utterance.Generate(seed, 8, VoiceProfile.FromSeed(seed));
            ArticulationTrack track = new(utterance);
            Assert.Equal(0, track.At(0).Opening, 1e-6);
            Assert.Equal(0, track.At(7.999).Opening, 1e-6);
            foreach (PhoneSegment pause in utterance.Segments.Where(s => s.Phone == Phone.Pause))
            {
                Assert.Equal(0, track.At(pause.CentreSeconds).Opening, 0.01);
            }
        }
    }

    [Theory]
    [InlineData(Phone.F)]
    [InlineData(Phone.V)]
    public void At_LabiodentalSounds_LowerLipIsTuckedUnderTheTeeth(Phone phone)
    {
        Utterance utterance = Utterance.FromPhones([Phone.A, phone, Phone.A], new VoiceProfile());
        MouthShape mouth = new ArticulationTrack(utterance).At(utterance.Segments[2].CentreSeconds);
        Assert.True(mouth is { Tuck: > 0.7, Teeth: > 0.7, Opening: < 0.35 }, mouth.ToString());
    }

    [Fact]
    public void At_Vowels_AreOrderedAsInSpeech()
    {
        MouthShape Shape(Phone vowel)
        {
            Utterance utterance = Utterance.FromPhones([vowel], new VoiceProfile(), 0.2);
            return new ArticulationTrack(utterance).At(utterance.Segments[1].CentreSeconds);
        }
        Assert.True(Shape(Phone.A).Opening > Shape(Phone.O).Opening);
        Assert.True(Shape(Phone.O).Opening > Shape(Phone.U).Opening);
        Assert.True(Shape(Phone.I).Width > Shape(Phone.E).Width);
        Assert.True(Shape(Phone.E).Width > Shape(Phone.U).Width);
        Assert.True(Shape(Phone.U).Rounding > Shape(Phone.O).Rounding);
        Assert.Equal(0, Shape(Phone.I).Rounding, 0.05);
    }

    [Fact]
    public void Opening_FollowsTheLoudnessOfTheVoice()
    {
        List<double> openings = [],
            energies = [];
        for (int seed = 0; seed < 10; seed++)
        {
            Utterance utterance = Utterance.Generate(seed, 6, VoiceProfile.FromSeed(seed));
            ArticulationTrack track = new(utterance);
            float[] samples = SpeechSynthesizer.Synthesize(utterance, 16000, seed);
            double low = 0;
            for (int frame = 1; frame < 149; frame++)
            {
                double energy = 0;
                for (int n = frame * 640 - 320; n < frame * 640 + 320; n++)
                {
                    low += 0.5 * (samples[n] - low); // below about 1.8 kHz: the voice, not the hiss
                    energy += low * low;
                }
                openings.Add(track.At(frame / 25.0).Opening);
                energies.Add(Math.Log10(energy / 640 + 1e-5));
            }
        }
        double correlation = Statistics.Correlation(openings, energies);
        Assert.True(correlation > 0.6, $"correlation {correlation:0.000}");
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(601)]
    [InlineData(double.NaN)]
    public void Generate_DurationOutOfRange_IsRefused(double seconds) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Utterance.Generate(1, seconds, new VoiceProfile()));

    [Theory]
    [InlineData(0.2)]
    [InlineData(0.5)]
    [InlineData(3.217)]
    [InlineData(60)]
    public void Generate_AnyDuration_HasNoGapsAndTheExactEnd(double seconds)
    {
        Utterance utterance = Utterance.Generate(9, seconds, new VoiceProfile());
        Assert.Equal(0, utterance.Segments[0].StartSeconds);
        Assert.Equal(seconds, utterance.DurationSeconds);
        for (int i = 0; i < utterance.Segments.Count; i++)
        {
            Assert.True(utterance.Segments[i].Seconds > 0);
            Assert.True(i == 0 || utterance.Segments[i].StartSeconds == utterance.Segments[i - 1].EndSeconds);
        }
        Assert.Equal(Phone.Pause, utterance.Segments[^1].Phone);
    }

    [Fact]
    public void Voice_PitchOutOfRange_IsRefusedByName()
    {
        var thrown = Assert.Throws<ArgumentOutOfRangeException>(() => Utterance.Generate(1, 1, new VoiceProfile { PitchHz = 1000 }));
        Assert.Contains("PitchHz must be from 60 to 400", thrown.Message, StringComparison.Ordinal);
    }
}
