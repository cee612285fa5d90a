using LatentSync.Lab.Parity;
using LatentSync.Testing;

namespace LatentSync.Lab.Tests.Parity;

[Trait("Category", "Parity")]
public sealed class ParityRunnerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("parity tests ü ").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("audio")]
    [InlineData("scene_cuts")]
    [InlineData("syncnet")]
    [InlineData("vae")]
    [InlineData("whisper")]
    public void Run_GoldenFixture_Passes(string name)
    {
        ParitySummary summary = ParityRunner.Run([Golden(name)]);
        ParityResult result = Assert.Single(summary.Results);
        Assert.True(
            result.Outcome == ParityOutcome.Passed,
            result + Environment.NewLine + string.Join(Environment.NewLine, result.Comparisons)
        );
        Assert.Equal("1 passed, 0 failed", summary.ToString());
        Assert.Equal(name, result.Name);
    }

    [Fact]
    public void Run_VaeFixture_ComparesEveryRecordedTensor()
    {
        ParityResult result = Assert.Single(ParityRunner.Run([Golden("vae")]).Results);
        string[] expected =
        [
            "decoder.mid_block",
            "encoder.down_blocks.0",
            "encoder.mid_block",
            "encoder.mid_block.attentions.0",
            "moments",
            "mean",
            "logvar",
            "std",
            "sample",
            "decoded_from_mean",
            "decoded_from_z",
        ];
        Assert.Equal(expected, result.Comparisons.Select(c => c.Name));
        Assert.All(result.Comparisons, c => Assert.InRange(c.MaxAbsoluteError, 0, 1e-4));
    }

    [Fact]
    public void Run_SyncNetFixture_ComparesSpectrogramsFiltersWindowsAndBothEncoders()
    {
        ParityResult result = Assert.Single(ParityRunner.Run([Golden("syncnet")]).Results);
        string[] expected =
        [
            "mel.basis_rows",
            "mel.clip_a",
            "mel.clip_b",
            "window_rule.example_fps_25",
            "audio_encoder.down_blocks.0",
            "audio_encoder.down_blocks.1",
            "audio_encoder.down_blocks.4",
            "audio_encoder.norm_out",
            "visual_encoder.conv_in",
            "visual_encoder.down_blocks.0",
            "visual_encoder.down_blocks.1",
            "visual_encoder.norm_out",
            "vision_embeds",
            "audio_embeds",
            "cosine_similarity",
        ];
        Assert.Equal(expected, result.Comparisons.Select(c => c.Name));
        Assert.All(result.Comparisons, c => Assert.InRange(c.MaxAbsoluteError, 0, 1e-4));
    }

    [Fact]
    public void Run_WhisperFixture_ComparesSpectrogramStatesFeaturesAndEveryRate()
    {
        ParityResult result = Assert.Single(ParityRunner.Run([Golden("whisper")]).Results);
        string[] names = [.. result.Comparisons.Select(c => c.Name)];
        foreach (string clip in new[] { "clip_a", "clip_b" })
        {
            Assert.Contains($"{clip}.log_mel", names);
            Assert.Contains($"{clip}.segment0_embeddings_rows", names);
            Assert.Contains($"{clip}.segment0_ln_post_rows", names);
            Assert.Contains($"{clip}.features", names);
            Assert.Contains($"{clip}.fps25.chunks_first2", names);
            Assert.Contains($"{clip}.fps25.chunks_last2", names);
            Assert.All(new[] { 24, 25, 30 }, rate => Assert.Contains($"{clip}.fps{rate}.count", names));
        }
        Assert.Equal(12 + 15 + 9 + 9 + 10 + 9, names.Count(n => n.Contains(".indices[", StringComparison.Ordinal)));
    }

    [Fact]
    public void Run_WhisperClipsGivenByNameOrOtherPath_AreFoundBesideTheFixture()
    {
        Copy("audio", "audio");
        string manifest = Path.Combine(Copy("whisper", "whisper"), "manifest.json");
        string text = File.ReadAllText(manifest)
            .Replace("\"wav\": \"../audio/clip_a.wav\",", string.Empty, StringComparison.Ordinal)
            .Replace("\"wav\": \"../audio/clip_b.wav\"", "\"path\": \"sounds/clip_b.wav\"", StringComparison.Ordinal)
            .Replace("\"audio_feat_length\": [2, 2]", "\"n_unused\": 0", StringComparison.Ordinal)
            .Replace(",\n  \"n_unused\": 0", string.Empty, StringComparison.Ordinal);
        File.WriteAllText(manifest, text);
        ParityResult result = Assert.Single(ParityRunner.Run([Path.GetDirectoryName(manifest)!]).Results);
        Assert.True(result.Outcome == ParityOutcome.Passed, result.Message);
        Assert.Equal(Assert.Single(ParityRunner.Run([Golden("whisper")]).Results).Comparisons.Count, result.Comparisons.Count);
    }

    [Fact]
    public void Run_WhisperOfOtherMelBands_SaysThatTheOriginalHasNone()
    {
        string manifest = Path.Combine(Copy("whisper", "whisper"), "manifest.json");
        File.WriteAllText(manifest, File.ReadAllText(manifest).Replace("\"n_mels\": 80", "\"n_mels\": 128", StringComparison.Ordinal));
        ParityResult result = Assert.Single(ParityRunner.Run([Path.GetDirectoryName(manifest)!]).Results);
        Assert.Contains("has n_mels 128; the original computes spectrograms of 80 bands only", result.Message);
    }

    [Fact]
    public void Run_ParentOfFixtures_RunsEachAndPassesOverOtherFolders()
    {
        Copy("vae", "b");
        Copy("audio", "a");
        Directory.CreateDirectory(Path.Combine(_folder, "notes"));
        List<ParityResult> reported = [];
        ParitySummary summary = ParityRunner.Run([_folder], reported.Add);
        Assert.Equal(["audio", "vae"], summary.Results.Select(r => r.Name));
        Assert.Equal(summary.Results, reported);
    }

    [Fact]
    public void Run_FilesAmongTheArguments_ArePassedOver()
    {
        string readme = Path.Combine(_folder, "README.md");
        File.WriteAllText(readme, "text");
        ParitySummary summary = ParityRunner.Run([readme, Golden("audio"), Path.Combine(Golden("vae"), "manifest.json")]);
        Assert.Equal(["audio", "vae"], summary.Results.Select(r => r.Name));
    }

    [Fact]
    public void Run_UnknownKind_IsSkippedAndCounted()
    {
        WriteManifest("x", """{"fixture":"x","component":"Something else"}""");
        ParitySummary summary = ParityRunner.Run([Path.Combine(_folder, "x"), Golden("audio")]);
        Assert.Equal("1 passed, 0 failed, 1 skipped", summary.ToString());
        Assert.Equal("skipped  x  (-)  no known kind: Something else", summary.Results[0].ToString());
    }

    [Theory]
    [InlineData("", "is not valid JSON")]
    [InlineData("{\"fixture\":", "is not valid JSON")]
    [InlineData("[]", "does not name its fixture")]
    [InlineData("{\"fixture\":3}", "does not name its fixture")]
    [InlineData("{\"fixture\":\"v\",\"component\":\"AutoencoderKL\"}", "has no entry config, which this kind of fixture must have")]
    [InlineData("{\"fixture\":\"v\",\"component\":\"AutoencoderKL\",\"config\":{\"latent_channels\":-1}}", "latent_channels is -1")]
    [InlineData(
        "{\"fixture\":\"v\",\"component\":\"AutoencoderKL\",\"config\":{}}",
        "weights.safetensors is missing; the fixture needs it"
    )]
    public void Run_BrokenManifest_FailsWithItsCauseAndGoesOn(string text, string expected)
    {
        WriteManifest("x", text);
        ParitySummary summary = ParityRunner.Run([Path.Combine(_folder, "x"), Golden("audio")]);
        Assert.Equal("1 passed, 1 failed", summary.ToString());
        Assert.Contains(expected, summary.Results[0].Message);
        Assert.DoesNotContain('\n', summary.Results[0].ToString());
    }

    [Fact]
    public void Run_FolderWithoutManifest_FailsAndSaysWhatToGive()
    {
        ParityResult result = Assert.Single(ParityRunner.Run([_folder]).Results);
        Assert.Equal(ParityOutcome.Failed, result.Outcome);
        Assert.Equal($"{_folder} holds no manifest.json; give a fixture's folder, or a folder of such folders.", result.Message);
    }

    [Theory]
    [InlineData("io.safetensors")]
    [InlineData("weights.safetensors")]
    public void Run_TruncatedArrays_FailsNamingTheFile(string file)
    {
        string path = Path.Combine(Copy("vae", "v"), file);
        byte[] bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(bytes.Length - 1000)]);
        ParityResult result = Assert.Single(ParityRunner.Run([Path.GetDirectoryName(path)!]).Results);
        Assert.Equal(ParityOutcome.Failed, result.Outcome);
        Assert.Contains(file, result.Message);
    }

    [Fact]
    public void Run_WeightsOfOtherNumbers_FailsWithTheFirstDifference()
    {
        string path = Path.Combine(Copy("vae", "v"), "weights.safetensors");
        byte[] bytes = File.ReadAllBytes(path);
        for (int i = bytes.Length - 8000; i < bytes.Length; i += 4)
        {
            BitConverter.TryWriteBytes(bytes.AsSpan(i), 2 * BitConverter.ToSingle(bytes, i));
        }
        File.WriteAllBytes(path, bytes);
        ParityResult result = Assert.Single(ParityRunner.Run([Path.GetDirectoryName(path)!]).Results);
        Assert.Equal(ParityOutcome.Failed, result.Outcome);
        Assert.Matches(@"^\d+ of 11 comparisons failed, first .*: \d+ of \d+ elements differ; worst at \[", result.Message);
    }

    [Fact]
    public void Run_ClipOfAnotherLength_Fails()
    {
        string path = Path.Combine(Copy("audio", "audio"), "clip_a.wav");
        byte[] bytes = File.ReadAllBytes(path);
        BitConverter.TryWriteBytes(bytes.AsSpan(40), 1000);
        File.WriteAllBytes(path, bytes);
        ParityResult result = Assert.Single(ParityRunner.Run([Path.GetDirectoryName(path)!]).Results);
        Assert.Contains("clip_a.wav samples: 1 of 1 values differ; first at [0]: expected 48000, actual 500", result.Message);
    }

    [Theory]
    [InlineData(0, "is no RIFF/WAVE file")]
    [InlineData(12, "has no sound data")]
    [InlineData(30, "is cut short")] // inside of the format
    [InlineData(60, "is cut short")] // inside of the sound
    public void Run_DamagedClip_FailsWithItsCause(int length, string expected)
    {
        string path = Path.Combine(Copy("audio", "audio"), "clip_a.wav");
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..length]);
        ParityResult result = Assert.Single(ParityRunner.Run([Path.GetDirectoryName(path)!]).Results);
        Assert.Equal(ParityOutcome.Failed, result.Outcome);
        Assert.Contains(expected, result.Message);
    }

    [Fact]
    public void Run_PathThatDoesNotExist_ThrowsBeforeAnythingRuns()
    {
        bool ran = false;
        string missing = Path.Combine(_folder, "missing");
        ParityException exception = Assert.Throws<ParityException>(() => ParityRunner.Run([Golden("audio"), missing], _ => ran = true));
        Assert.Contains(missing, exception.Message);
        Assert.False(ran);
    }

    [Fact]
    public void Run_NoPaths_Throws() => Assert.Throws<ParityException>(() => ParityRunner.Run([]));

    [Fact]
    public void Run_Cancelled_Throws() =>
        Assert.Throws<OperationCanceledException>(() =>
            ParityRunner.Run([Golden("audio")], cancellationToken: new CancellationToken(canceled: true))
        );

    [Fact]
    public void Run_FixtureWithoutComparisons_Fails()
    {
        WriteManifest("x", """{"fixture":"x"}""");
        ParityResult result = Assert.Single(ParityRunner.Run([_folder], fixtures: [new Empty()]).Results);
        Assert.Equal("failed  x  (Empty)  holds nothing to compare", result.ToString());
    }

    [Fact]
    public void Run_FixtureThatThrowsMidway_KeepsWhatWasCompared()
    {
        WriteManifest("x", """{"fixture":"x"}""");
        ParityResult result = Assert.Single(ParityRunner.Run([_folder], fixtures: [new Throwing()]).Results);
        Assert.Equal("first", Assert.Single(result.Comparisons).Name);
        Assert.Equal("InvalidOperationException: two lines", result.Message);
    }

    private static string Golden(string name) => Path.Combine(RepositoryRoot.Find(), "tests", "Data", "golden", name);

    private string Copy(string fixture, string name)
    {
        string target = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        foreach (string file in Directory.GetFiles(Golden(fixture)))
        {
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        }
        return target;
    }

    private void WriteManifest(string name, string text) =>
        File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, name)).FullName, "manifest.json"), text);

    private sealed class Empty : IParityFixture
    {
        public bool Recognises(ParityManifest manifest) => true;

        public IEnumerable<ParityComparison> Run(ParityManifest manifest) => [];
    }

    private sealed class Throwing : IParityFixture
    {
        public bool Recognises(ParityManifest manifest) => true;

        public IEnumerable<ParityComparison> Run(ParityManifest manifest)
        {
            yield return new ParityComparison("first", true, 0, "exact");
            throw new InvalidOperationException("two\nlines");
        }
    }
}
