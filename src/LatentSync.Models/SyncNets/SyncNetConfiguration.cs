using System.Text.Json;
using System.Text.Json.Nodes;
using LatentSync.Foundation.Wording;
using LatentSync.Models.Loading;

namespace LatentSync.Models.SyncNets;

/// <summary>Shape of a StableSyncNet and of what it sees and hears: <c>model</c> and parts of <c>data</c> of the original's
/// configs/syncnet/*.yaml.</summary>
public sealed record SyncNetConfiguration
{
    /// <summary>Mel bands of the sound.</summary>
    public const int MelBands = 80;

    private const string Model = "StableSyncNet";
    private const int LatentFactor = 8;
    private const int LatentChannels = 4; // of the image autoencoder that the original uses
    private const int MaximumSide = 1 << 13;
    private readonly int? _audioColumns;

    /// <summary>The encoder of the sound. Key <c>model.audio_encoder</c>.</summary>
    public required SyncNetEncoderConfiguration Audio { get; init; }

    /// <summary>The encoder of the pictures. Key <c>model.visual_encoder</c>.</summary>
    public required SyncNetEncoderConfiguration Visual { get; init; }

    /// <summary>Consecutive frames that are seen at once. Key <c>data.num_frames</c>. Default 16.</summary>
    public int NumFrames { get; init; } = 16;

    /// <summary>Side of the face picture in pixels. Key <c>data.resolution</c>. Default 256.</summary>
    public int Resolution { get; init; } = 256;

    /// <summary>True when latents of the image autoencoder are seen instead of pixels. Key <c>data.latent_space</c>. Default
    /// false.</summary>
    public bool LatentSpace { get; init; }

    /// <summary>True when only the lower half of the picture is seen. Key <c>data.lower_half</c>. Default true.</summary>
    public bool LowerHalf { get; init; } = true;

    /// <summary>Columns of the mel spectrogram that are heard at once, 80 a second. Default: those of <see cref="NumFrames"/> at 25 frames
    /// a second, rounded up.</summary>
    public int AudioColumns
    {
        get => _audioColumns ?? (int)Math.Ceiling(NumFrames / 5.0 * 16);
        init => _audioColumns = value;
    }

    /// <summary>Rows of the visual input.</summary>
    public int VisualHeight => VisualWidth / (LowerHalf ? 2 : 1);

    /// <summary>Columns of the visual input.</summary>
    public int VisualWidth => LatentSpace ? Resolution / LatentFactor : Resolution;

    /// <summary>Length of the embeddings.</summary>
    public int EmbeddingSize => Visual.OutChannels;

    /// <summary>The released network, syncnet_16_pixel_attn: 401 million parameters.</summary>
    public static SyncNetConfiguration StableSyncNet() => Pixels(attention: true);

    /// <summary>syncnet_16_pixel: the same without attention, 372 million parameters.</summary>
    public static SyncNetConfiguration Pixels16() => Pixels(attention: false);

    /// <summary>syncnet_16_latent: sees latents of 4 channels, 66 million parameters.</summary>
    public static SyncNetConfiguration Latents16() =>
        new()
        {
            Audio = Encoder(1, [32, 64, 128, 256, 512, 1024], [new(2, 1), 2, 2, 2, 2, new(2, 3)]),
            Visual = Encoder(64, [64, 128, 256, 256, 512, 1024], [2, 2, 2, 1, 2, 2]),
            LatentSpace = true,
            LowerHalf = false,
        };

    /// <summary>The presets with the names of the original's files, the released one first.</summary>
    public static IReadOnlyList<(string Name, SyncNetConfiguration Configuration)> Presets =>
        [("syncnet_16_pixel_attn", StableSyncNet()), ("syncnet_16_pixel", Pixels16()), ("syncnet_16_latent", Latents16())];

    /// <summary>Reads a configuration file.</summary>
    /// <param name="path">YAML or JSON with a <c>model</c> section and, if it differs from the defaults, a <c>data</c> section.</param>
    /// <exception cref="ModelConfigurationException">The file is missing, too large, malformed, or describes no usable network.</exception>
    public static SyncNetConfiguration FromFile(string path)
    {
        string yaml = YamlDocument.ReadText(path);
        try
        {
            return FromYaml(yaml);
        }
        catch (ModelConfigurationException exception)
        {
            throw new ModelConfigurationException($"{path}: {exception.Message}", exception);
        }
    }

    /// <summary>Reads the text of a configuration file.</summary>
    /// <param name="yaml">YAML or JSON.</param>
    /// <exception cref="ModelConfigurationException">The text is malformed or describes no usable network.</exception>
    public static SyncNetConfiguration FromYaml(string yaml)
    {
        JsonElement root = YamlDocument.ToJson(yaml);
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("model", out JsonElement model))
        {
            throw new ModelConfigurationException(
                "The configuration has no \"model:\" section, which describes the network; give one of the original's configs/syncnet/*.yaml."
            );
        }
        SyncNetConfiguration configuration = FromJson(model);
        if (root.TryGetProperty("data", out JsonElement data) && data.ValueKind != JsonValueKind.Null)
        {
            ConfigurationReader reader = new(data, "the data section");
            configuration = configuration with
            {
                Resolution = reader.Integer("resolution", configuration.Resolution, 8, MaximumSide),
                LatentSpace = reader.Flag("latent_space", configuration.LatentSpace),
                LowerHalf = reader.Flag("lower_half", configuration.LowerHalf),
            };
            configuration = configuration with { NumFrames = reader.Integer("num_frames", configuration.FramesOfChannels(), 1, 1 << 10) };
        }
        else
        {
            configuration = configuration with { NumFrames = configuration.FramesOfChannels() };
        }
        configuration.Validate();
        return configuration;
    }

    /// <summary>Reads the <c>model</c> section alone; what the network sees keeps its defaults and is not checked.</summary>
    /// <param name="model">A JSON object with <c>audio_encoder</c> and <c>visual_encoder</c>.</param>
    /// <exception cref="ModelConfigurationException">An entry is missing, unknown or not usable.</exception>
    public static SyncNetConfiguration FromJson(JsonElement model)
    {
        ConfigurationReader reader = new(model, Model);
        KnownKeys.Check(model, Model, ["audio_encoder", "visual_encoder"], []);
        return new SyncNetConfiguration { Audio = Encoder("audio_encoder"), Visual = Encoder("visual_encoder") };

        SyncNetEncoderConfiguration Encoder(string key) =>
            model.TryGetProperty(key, out JsonElement section)
                ? SyncNetEncoderConfiguration.FromJson(section, key)
                : throw reader.Lacks(key, "the description of that encoder");
    }

    /// <summary>The same encoders for inputs of given shapes: frames, channels and sizes are those of the tensors.</summary>
    /// <param name="visual">(B, F·C, H, W): pixels of 3 channels, or latents of any number of them.</param>
    /// <param name="audio">(B, 1, 80, columns).</param>
    /// <remarks>The frames follow from the sound's columns, which are 3.2 a frame, rounded up. Where the channels are no multiple of that
    /// number the window was cut to fewer frames: those of 3 channels each, else latents of 4.</remarks>
    /// <exception cref="ModelConfigurationException">The shapes are not what the encoders take.</exception>
    public SyncNetConfiguration FitTo(IReadOnlyList<long> visual, IReadOnlyList<long> audio)
    {
        ArgumentNullException.ThrowIfNull(visual);
        ArgumentNullException.ThrowIfNull(audio);
        Require(
            visual.Count != 4 || visual[1] != Visual.InChannels || visual[2] is < 1 or > MaximumSide || visual[3] is < 1 or > MaximumSide
                ? (Sentence)$"visual_encoder: in_channels is {Visual.InChannels}, but the pictures are ({string.Join(", ", visual)})"
                : null
        );
        Require(
            audio.Count != 4 || audio[1] != 1 || audio[2] != MelBands || audio[3] is < 1 or > MaximumSide
                ? (Sentence)$"the sound is ({string.Join(", ", audio)}); (B, 1, {MelBands}, columns) is required"
                : null
        );
        (int channels, int height, int width, int columns) = (Visual.InChannels, (int)visual[2], (int)visual[3], (int)audio[3]);
        int heard = columns * 5 / 16; // frames that fit into the columns, the last one begun
        bool isLatent = heard > 0 && channels != 3 * heard && (channels % heard == 0 || channels % 3 != 0);
        int frames =
            !isLatent ? channels / 3
            : channels % heard == 0 ? heard
            : channels % LatentChannels == 0 ? channels / LatentChannels
            : 1;
        Require(
            height != width && height != width / 2
                ? (Sentence)$"the pictures are {height} x {width}; squares or their lower halves are required"
                : null
        );
        return this with
        {
            NumFrames = frames,
            LatentSpace = isLatent,
            LowerHalf = height != width,
            Resolution = isLatent ? width * LatentFactor : width,
            AudioColumns = columns,
        };
    }

    /// <summary>The configuration with the original's keys, as JSON (which is YAML).</summary>
    public string ToJson()
    {
        JsonObject root = new()
        {
            ["model"] = new JsonObject { ["audio_encoder"] = Audio.ToJson(), ["visual_encoder"] = Visual.ToJson() },
            ["data"] = new JsonObject
            {
                ["num_frames"] = NumFrames,
                ["resolution"] = Resolution,
                ["latent_space"] = LatentSpace,
                ["lower_half"] = LowerHalf,
            },
        };
        return root.ToJsonString(new JsonSerializerOptions { WriteIndented = true });
    }

    /// <summary>Checks that the encoders fit each other and their input.</summary>
    /// <exception cref="ModelConfigurationException">The network cannot be built, or an encoder does not end at D x 1 x 1; says which and
    /// why.</exception>
    public void Validate()
    {
        Require(Audio.FindFault("audio_encoder"));
        Require(Visual.FindFault("visual_encoder"));
        Require(
            Audio.OutChannels != Visual.OutChannels
                ? (Sentence)
                    $"the audio encoder ends with {Audio.OutChannels} channels, the visual one with {Visual.OutChannels}; equal numbers are required"
                : null
        );
        Require(
            Audio.OutChannels == SyncNetEncoderConfiguration.Groups
                ? (Sentence)
                    $"the encoders end with {Audio.OutChannels} channels; more than {SyncNetEncoderConfiguration.Groups} are required, since the last norm has {SyncNetEncoderConfiguration.Groups} groups and one position, and a group of one number is always 0"
                : null
        );
        Require(Audio.InChannels != 1 ? (Sentence)$"audio_encoder: in_channels is {Audio.InChannels}; a spectrogram has 1" : null);
        Require(
            LatentSpace
                ? Visual.InChannels % NumFrames == 0
                    ? null
                    : (Sentence)$"visual_encoder: in_channels is {Visual.InChannels}, not a multiple of num_frames ({NumFrames})"
                : Visual.InChannels == 3 * NumFrames
                    ? null
                    : (Sentence)
                        $"visual_encoder: in_channels is {Visual.InChannels}; {NumFrames} frames (num_frames) of 3 channels are {3 * NumFrames}"
        );
        RequireOnePosition("audio", Audio.OutputSize(MelBands, AudioColumns), MelBands, AudioColumns);
        RequireOnePosition("visual", Visual.OutputSize(VisualHeight, VisualWidth), VisualHeight, VisualWidth);
    }

    /// <summary>Frames that the visual encoder's channels are, where no <c>num_frames</c> says it: of 3 channels each, or of latents with
    /// 4.</summary>
    public int FramesOfChannels() => Math.Max(1, Visual.InChannels / (LatentSpace ? LatentChannels : 3));

    private static SyncNetConfiguration Pixels(bool attention)
    {
        bool[] AttentionAt(int count, int first, int second) =>
            [.. Enumerable.Range(0, count).Select(i => attention && (i == first || i == second))];
        return new SyncNetConfiguration
        {
            Audio = Encoder(1, [32, 64, 128, 256, 512, 1024, 2048], [new(2, 1), 2, 2, 1, 2, 2, new(2, 3)]) with
            {
                AttentionBlocks = AttentionAt(7, 3, 4),
            },
            Visual = Encoder(48, [64, 128, 256, 256, 512, 1024, 2048, 2048], [new(1, 2), 2, 2, 2, 2, 2, 2, 2]) with
            {
                AttentionBlocks = AttentionAt(8, 4, 5),
            },
        };
    }

    private static SyncNetEncoderConfiguration Encoder(int inChannels, int[] channels, SyncNetFactor[] factors) =>
        new()
        {
            InChannels = inChannels,
            BlockOutChannels = channels,
            DownsampleFactors = factors,
            AttentionBlocks = new bool[channels.Length],
        };

    private static void RequireOnePosition(string encoder, (int Height, int Width) output, int height, int width) =>
        Require(
            output == (1, 1)
                ? null
                : (Sentence)
                    $"the {encoder} encoder turns its input of {height} x {width} into {output.Height} x {output.Width} (0: the input is too small); downsample_factors that end at 1 x 1 are required"
        );

    private static void Require(Sentence? fault)
    {
        if (fault is not null)
        {
            throw new ModelConfigurationException($"The configuration of {Model} cannot be used: {fault}.");
        }
    }
}
