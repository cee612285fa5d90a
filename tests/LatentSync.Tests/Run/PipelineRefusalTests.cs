using LatentSync.Checkpoints;
using LatentSync.Compute;
using LatentSync.Foundation.Faults;
using LatentSync.Media;
using LatentSync.Media.Faces.Detection;
using LatentSync.Models.Loading;
using LatentSync.Networks;
using LatentSync.Testing;

namespace LatentSync.Tests.Run;

/// <summary>Bad input: one clear sentence of the right type; what the user has stays as it is.</summary>
[Collection(PipelineRuns.Name)]
[Trait("Category", "Integration")]
public sealed class PipelineRefusalTests(PipelineFixture fixture) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Out => _folder.File("out.mp4");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("video")]
    [InlineData("audio")]
    public async Task Run_InputMissing_IsToldByName(string input)
    {
        MediaException refusal = await RefusedAsync<MediaException>(With(input, _folder.File("nothing.mp4")));

        Assert.Equal(MediaFault.Missing, refusal.Fault);
        Assert.Contains("nothing.mp4", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(FaultKind.Input, refusal.Kind);
    }

    [Theory]
    [InlineData("video")]
    [InlineData("audio")]
    public async Task Run_InputEmpty_IsTold(string input)
    {
        File.WriteAllBytes(_folder.File("empty.mp4"), []);

        Assert.Equal(MediaFault.Empty, (await RefusedAsync<MediaException>(With(input, _folder.File("empty.mp4")))).Fault);
    }

    [Theory]
    [InlineData("video")]
    [InlineData("audio")]
    public async Task Run_InputOfNoise_IsTold(string input)
    {
        byte[] noise = new byte[50_000];
        new Random(1).NextBytes(noise);
        File.WriteAllBytes(_folder.File("noise.mp4"), noise);

        Assert.Equal(MediaFault.Corrupt, (await RefusedAsync<MediaException>(With(input, _folder.File("noise.mp4")))).Fault);
    }

    [Theory]
    [InlineData("video")]
    [InlineData("audio")]
    [Trait("Category", "Slow")]
    public async Task Run_InputIsAFolder_IsTold(string input)
    {
        Directory.CreateDirectory(_folder.File("folder"));

        Assert.Equal(MediaFault.Folder, (await RefusedAsync<MediaException>(With(input, _folder.File("folder")))).Fault);
    }

    [Fact]
    public async Task Run_VideoCutInTheMiddle_IsTold()
    {
        await Clips.RequireToolsAsync();
        byte[] whole = File.ReadAllBytes(fixture.Talk);
        File.WriteAllBytes(_folder.File("cut.mp4"), whole[..(whole.Length / 2)]);

        // The index of an mp4 of this writer comes first, so half of the frames decode.
        SyncReport report = await fixture.Pipeline.RunAsync(fixture.Identity(Out) with { VideoPath = _folder.File("cut.mp4") });

        Assert.Contains(report.Warnings, w => w.Contains("truncated or damaged", StringComparison.Ordinal));
        Assert.Equal(20, report.Frames);
    }

    [Fact]
    public async Task Run_VideoWithoutPicture_IsTold() =>
        Assert.Equal(MediaFault.NoVideo, (await RefusedAsync<MediaException>(With("video", fixture.SpeechFile))).Fault);

    [Fact]
    public async Task Run_AudioWithoutSound_IsTold()
    {
        await Clips.RequireToolsAsync();
        await Clips.FfmpegAsync("-i", fixture.Talk, "-an", "-c:v", "copy", _folder.File("mute.mp4"));

        Assert.Equal(MediaFault.NoAudio, (await RefusedAsync<MediaException>(With("audio", _folder.File("mute.mp4")))).Fault);
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData(10)]
    public Task Run_MoreSpeechOfNoLength_IsToldWithWhatIsRequired(int milliseconds) =>
        Run_SpeechOfNoLength_IsToldWithWhatIsRequired(milliseconds);

    [Theory]
    [InlineData(0)]
    [InlineData(19, Traits = ["Category", "Slow"])]
    public async Task Run_SpeechOfNoLength_IsToldWithWhatIsRequired(int milliseconds)
    {
        await Clips.RequireToolsAsync();
        WriteSilence(_folder.File("short.wav"), 16 * milliseconds);
        MediaException refusal = await RefusedAsync<MediaException>(With("audio", _folder.File("short.wav")));

        Assert.Equal(MediaFault.TooShort, refusal.Fault);
        Assert.Contains(milliseconds == 0 ? "holds no samples" : "(20 ms) are required", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_NoFaceAnywhere_SaysSoAndWritesNothing()
    {
        await Clips.RequireToolsAsync();
        File.WriteAllText(_folder.File("none.json"), """{"version": 1, "frames": [{"frame": 0, "points": null}, {"frame": 1}]}""");
        FaceException refusal = await RefusedAsync<FaceException>(Quick with { LandmarksPath = _folder.File("none.json") });

        Assert.Equal(FaceFault.NoFace, refusal.Fault);
        Assert.Equal(FaultKind.Input, refusal.Kind);
        Assert.Contains("5 frames", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("Detector", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("{", FaceFault.Landmarks)]
    public Task Run_MoreLandmarksFileWrong_IsTold(string? content, FaceFault fault) => Run_LandmarksFileWrong_IsTold(content, fault);

    [Theory]
    [InlineData("{\"version\": 2, \"frames\": []}", FaceFault.Landmarks)]
    [InlineData("{\"version\": 1, \"frames\": [{\"frame\": 0, \"points\": [[1, 2]]}]}", FaceFault.Landmarks)]
    [InlineData(null, FaceFault.Missing)]
    public async Task Run_LandmarksFileWrong_IsTold(string? content, FaceFault fault)
    {
        if (content is not null)
        {
            File.WriteAllText(_folder.File("wrong.json"), content);
        }
        FaceException refusal = await RefusedAsync<FaceException>(Quick with { LandmarksPath = _folder.File("wrong.json") });

        Assert.Equal(fault, refusal.Fault);
        Assert.Contains("wrong.json", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_MaskIsNoPicture_IsTold()
    {
        File.WriteAllText(_folder.File("mask.png"), "no picture");

        Assert.Equal(FaceFault.Mask, (await RefusedAsync<FaceException>(Quick with { MaskPath = _folder.File("mask.png") })).Fault);
    }

    [Fact]
    public async Task Run_CheckpointFolderMissing_SaysWhereTheFilesComeFrom()
    {
        CheckpointFolderException refusal = await RefusedAsync<CheckpointFolderException>(
            Quick with
            {
                CheckpointFolder = _folder.File("no checkpoint"),
            }
        );

        Assert.Contains("latentsync_unet.pt", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("CheckpointFolder", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("latentsync_unet.pt")]
    [InlineData("whisper/tiny.pt", Traits = ["Category", "Slow"])]
    [InlineData("vae/config.json", Traits = ["Category", "Slow"])]
    public async Task Run_CheckpointFileMissing_IsToldByName(string file)
    {
        string checkpoint = CopyCheckpoint();
        File.Delete(Path.Combine(checkpoint, file));

        Assert.Contains(
            file,
            (await RefusedAsync<CheckpointFolderException>(Quick with { CheckpointFolder = checkpoint })).Message,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("latentsync_unet.pt", "noise")]
    [InlineData("vae/diffusion_pytorch_model.safetensors", "empty")]
    [InlineData("vae/diffusion_pytorch_model.safetensors", "noise")]
    public Task Run_MoreCheckpointFileDamaged_IsToldByName(string file, string damage) =>
        Run_CheckpointFileDamaged_IsToldByName(file, damage);

    [Theory]
    [InlineData("latentsync_unet.pt", "empty", Traits = ["Category", "Slow"])]
    [InlineData("latentsync_unet.pt", "half")]
    [InlineData("whisper/tiny.pt", "half", Traits = ["Category", "Slow"])]
    [InlineData("vae/diffusion_pytorch_model.safetensors", "half")]
    public async Task Run_CheckpointFileDamaged_IsToldByName(string file, string damage)
    {
        string checkpoint = CopyCheckpoint(),
            path = Path.Combine(checkpoint, file);
        byte[] whole = File.ReadAllBytes(path);
        new Random(2).NextBytes(whole.AsSpan(0, damage == "noise" ? whole.Length : 0));
        File.WriteAllBytes(
            path,
            damage switch
            {
                "empty" => [],
                "half" => whole[..(whole.Length / 2)],
                _ => whole,
            }
        );
        CheckpointFormatException refusal = await RefusedAsync<CheckpointFormatException>(Quick with { CheckpointFolder = checkpoint });

        Assert.Contains(Path.GetFileName(file), refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("vae/config.json", "[]")]
    [InlineData("config.yaml", "model:\n  block_out_channels: many\n")]
    public Task Run_MoreConfigurationDamaged_IsToldByName(string file, string content) =>
        Run_ConfigurationDamaged_IsToldByName(file, content);

    [Theory]
    [InlineData("vae/config.json", "{", Traits = ["Category", "Slow"])]
    [InlineData("config.yaml", "model: [1, 2")]
    public async Task Run_ConfigurationDamaged_IsToldByName(string file, string content)
    {
        string checkpoint = CopyCheckpoint();
        File.WriteAllText(Path.Combine(checkpoint, file), content);
        ModelConfigurationException refusal = await RefusedAsync<ModelConfigurationException>(Quick with { CheckpointFolder = checkpoint });

        Assert.Contains(Path.GetFileName(file), refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_UNetOfAnotherShape_SaysWhichKeysAndShapesDiffer()
    {
        string checkpoint = CopyCheckpoint();
        File.Delete(Path.Combine(checkpoint, "latentsync_unet.pt"));
        File.Copy(
            RepositoryRoot.PathOf("tests", "Data", "golden", "unet_motion", "weights.safetensors"),
            Path.Combine(checkpoint, "latentsync_unet.safetensors")
        );
        CheckpointMismatchException refusal = await RefusedAsync<CheckpointMismatchException>(Quick with { CheckpointFolder = checkpoint });

        Assert.Contains("conv_in.weight", refusal.Message, StringComparison.Ordinal);
        Assert.Matches(@"\(\d+, 13, 3, 3\)", refusal.Message);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_AutoencoderInTheUNetsPlace_IsAMismatch()
    {
        string checkpoint = CopyCheckpoint();
        File.Delete(Path.Combine(checkpoint, "latentsync_unet.pt"));
        File.Copy(
            Path.Combine(checkpoint, "vae", "diffusion_pytorch_model.safetensors"),
            Path.Combine(checkpoint, "latentsync_unet.safetensors")
        );
        CheckpointMismatchException refusal = await RefusedAsync<CheckpointMismatchException>(Quick with { CheckpointFolder = checkpoint });

        Assert.Contains("conv_in.weight", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_WhisperInTheUNetsPlace_IsAMismatch()
    {
        string checkpoint = CopyCheckpoint();
        File.Copy(Path.Combine(checkpoint, "whisper", "tiny.pt"), Path.Combine(checkpoint, "latentsync_unet.pt"), overwrite: true);

        await RefusedAsync<CheckpointMismatchException>(Quick with { CheckpointFolder = checkpoint });
    }

    [Fact]
    public async Task Run_WhisperOfAnotherWidth_NamesBothWidths()
    {
        string checkpoint = CopyCheckpoint(),
            yaml = Path.Combine(checkpoint, "config.yaml");
        string text = File.ReadAllText(yaml);
        int width = int.Parse(
            System.Text.RegularExpressions.Regex.Match(text, @"cross_attention_dim: (\d+)").Groups[1].Value,
            System.Globalization.CultureInfo.InvariantCulture
        );
        File.WriteAllText(
            yaml,
            text.Replace($"cross_attention_dim: {width}", $"cross_attention_dim: {2 * width}", StringComparison.Ordinal)
        );
        Exception refusal = await RefusedAsync<Exception>(Quick with { CheckpointFolder = checkpoint });

        Assert.True(refusal is ModelConfigurationException or CheckpointMismatchException, refusal.ToString());
        Assert.Contains($"{2 * width}", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_OutputIsTheVideoUnderAnotherName_IsRefused()
    {
        await Clips.RequireToolsAsync();
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        File.Copy(fixture.Talk, _folder.File("video.mp4"));
        File.CreateSymbolicLink(_folder.File("link.mp4"), _folder.File("video.mp4"));
        byte[] before = File.ReadAllBytes(_folder.File("video.mp4"));
        SyncOptions options = fixture.Identity(_folder.File("link.mp4")) with { VideoPath = _folder.File("video.mp4") };

        Assert.StartsWith(
            "OutputPath is the same file as VideoPath",
            (await Assert.ThrowsAsync<SyncOptionsException>(() => fixture.Pipeline.RunAsync(options))).Message,
            StringComparison.Ordinal
        );
        Assert.Equal(before, File.ReadAllBytes(_folder.File("video.mp4")));
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("out", MediaFault.UnknownContainer)]
    public Task Run_MoreOutputCannotBeWritten_IsTold(string name, MediaFault fault) => Run_OutputCannotBeWritten_IsTold(name, fault);

    [Theory]
    [InlineData("out.txt", MediaFault.UnknownContainer)]
    [InlineData("file/out.mp4", MediaFault.OutputFolder)]
    public async Task Run_OutputCannotBeWritten_IsTold(string name, MediaFault fault)
    {
        await Clips.RequireToolsAsync();
        File.WriteAllText(_folder.File("file"), "a file where a folder should be");
        bool loaded = false;
        MediaException refusal = await Assert.ThrowsAsync<MediaException>(() =>
            LipSync.RunAsync(
                Quick with
                {
                    OutputPath = _folder.File(name),
                },
                new ImmediateSyncProgress(p => loaded |= p.Stage == SyncStage.Load)
            )
        );

        Assert.Equal(fault, refusal.Fault);
        Assert.False(loaded, "what is wrong with the output must be told before the networks load");
        Assert.Equal(["file"], Names);
    }

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData("cudax")]
    [InlineData("cuda:-1")]
    public Task Run_MoreUnknownDevice_IsWrongUsage(string device) => Run_UnknownDevice_IsWrongUsage(device);

    [Theory]
    [InlineData("tpu")]
    public async Task Run_UnknownDevice_IsWrongUsage(string device)
    {
        Exception refusal = await RefusedAsync<Exception>(Quick with { Device = device });

        Assert.True(refusal is SyncOptionsException || (device == "cuda:-1" && refusal is DeviceUnavailableException), refusal.ToString());
        Assert.Contains(device, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_DeviceThatIsNotThere_IsTheMachinesLack() =>
        Assert.Contains(
            "cuda:99",
            (await RefusedAsync<DeviceUnavailableException>(Quick with { Device = "cuda:99" })).Message,
            StringComparison.Ordinal
        );

    [Fact]
    public async Task Run_UnknownAttentionPolicy_NamesTheOption()
    {
        SyncOptionsException refusal = await RefusedAsync<SyncOptionsException>(Quick with { Attention = "prefer warp-drive" });

        Assert.Contains("Attention", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("warp-drive", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", "Slow")]
    public async Task Run_AfterARefusal_TheSamePipelineWorks()
    {
        await RefusedAsync<MediaException>(With("video", _folder.File("nothing.mp4")));

        Assert.Equal(5, (await fixture.Pipeline.RunAsync(Quick)).Frames);
    }

    private SyncOptions Quick => fixture.Quick(Out);

    private string[] Names =>
        [.. Directory.EnumerateFileSystemEntries(_folder.Path).Select(p => Path.GetFileName(p)!).Order(StringComparer.Ordinal)];

    private SyncOptions With(string input, string path) =>
        input == "video" ? Quick with { VideoPath = path } : Quick with { AudioPath = path };

    /// <summary>Runs, demands the exception, one sentence without a stack trace, and that nothing in the folder has changed.</summary>
    private async Task<TException> RefusedAsync<TException>(SyncOptions options)
        where TException : Exception
    {
        await Clips.RequireToolsAsync();
        File.WriteAllText(Out, "precious");
        string[] before = Names;
        TException refusal = await Assert.ThrowsAnyAsync<TException>(() => fixture.Pipeline.RunAsync(options));
        Assert.Equal(before, Names);
        Assert.Equal("precious", File.ReadAllText(Out));
        Assert.True(refusal.Message.Length is > 20 and < 1200, refusal.Message);
        Assert.DoesNotContain("   at ", refusal.Message, StringComparison.Ordinal);
        return refusal;
    }

    private string CopyCheckpoint()
    {
        string copy = _folder.File("checkpoint");
        foreach (string file in Directory.EnumerateFiles(fixture.Checkpoint, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(copy, Path.GetRelativePath(fixture.Checkpoint, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
        return copy;
    }

    private static void WriteSilence(string path, int samples)
    {
        using BinaryWriter writer = new(File.Create(path));
        writer.Write("RIFF"u8);
        writer.Write(36 + (2 * samples));
        writer.Write("WAVEfmt "u8);
        writer.Write(16);
        writer.Write((short)1);
        writer.Write((short)1);
        writer.Write(16000);
        writer.Write(32000);
        writer.Write((short)2);
        writer.Write((short)16);
        writer.Write("data"u8);
        writer.Write(2 * samples);
        writer.Write(new byte[2 * samples]);
    }
}
