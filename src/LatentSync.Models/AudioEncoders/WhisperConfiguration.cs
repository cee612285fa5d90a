using System.Globalization;
using System.Text.Json;
using LatentSync.Foundation.Wording;
using LatentSync.Models.Loading;

namespace LatentSync.Models.AudioEncoders;

/// <summary>The ten dimensions of a Whisper model: the <c>dims</c> of its checkpoint. Only the audio half is computed here.</summary>
public sealed record WhisperConfiguration
{
    private const int MaximumSize = 1 << 20;

    /// <summary>Rows of the log-mel spectrogram. Key <c>n_mels</c>, 80 in the published models that LatentSync uses.</summary>
    public required int MelBands { get; init; }

    /// <summary>Positions of the encoder: half as many as mel frames of a segment. Key <c>n_audio_ctx</c>, 1500 = 30 s.</summary>
    public required int AudioPositions { get; init; }

    /// <summary>Width S of the encoder. Key <c>n_audio_state</c>, 384 for tiny, 768 for small.</summary>
    public required int AudioWidth { get; init; }

    /// <summary>Heads; divides <see cref="AudioWidth"/>. Key <c>n_audio_head</c>.</summary>
    public required int AudioHeads { get; init; }

    /// <summary>Blocks. Key <c>n_audio_layer</c>, 4 for tiny, 12 for small.</summary>
    public required int AudioLayers { get; init; }

    /// <summary>Tokens of the text half, not used. Key <c>n_vocab</c>.</summary>
    public int VocabularySize { get; init; }

    /// <summary>Positions of the text half, not used. Key <c>n_text_ctx</c>.</summary>
    public int TextPositions { get; init; }

    /// <summary>Width of the text half, not used. Key <c>n_text_state</c>.</summary>
    public int TextWidth { get; init; }

    /// <summary>Heads of the text half, not used. Key <c>n_text_head</c>.</summary>
    public int TextHeads { get; init; }

    /// <summary>Blocks of the text half, not used. Key <c>n_text_layer</c>.</summary>
    public int TextLayers { get; init; }

    /// <summary>Mel frames of one segment: two for each position.</summary>
    public int SegmentFrames => 2 * AudioPositions;

    /// <summary>States that LatentSync collects per position: the input of the first block and the output of each.</summary>
    public int CollectedStates => AudioLayers + 1;

    /// <summary>The ten dimensions under the original's names and in its order.</summary>
    public IReadOnlyList<KeyValuePair<string, int>> Dimensions =>
        [
            new("n_mels", MelBands),
            new("n_audio_ctx", AudioPositions),
            new("n_audio_state", AudioWidth),
            new("n_audio_head", AudioHeads),
            new("n_audio_layer", AudioLayers),
            new("n_vocab", VocabularySize),
            new("n_text_ctx", TextPositions),
            new("n_text_state", TextWidth),
            new("n_text_head", TextHeads),
            new("n_text_layer", TextLayers),
        ];

    /// <summary>Reads the dimensions from a JSON object; keys of the text half may be absent.</summary>
    /// <param name="json">The object, with the original's key names.</param>
    /// <exception cref="ModelConfigurationException">A dimension is missing, malformed or impossible.</exception>
    public static WhisperConfiguration FromJson(JsonElement json)
    {
        ConfigurationReader reader = new(json, "Whisper");
        WhisperConfiguration configuration = new()
        {
            MelBands = reader.RequiredInteger("n_mels", 1, MaximumSize),
            AudioPositions = reader.RequiredInteger("n_audio_ctx", 1, MaximumSize),
            AudioWidth = reader.RequiredInteger("n_audio_state", 1, MaximumSize),
            AudioHeads = reader.RequiredInteger("n_audio_head", 1, MaximumSize),
            AudioLayers = reader.RequiredInteger("n_audio_layer", 0, 1024),
            VocabularySize = reader.Integer("n_vocab", 0, 0, int.MaxValue),
            TextPositions = reader.Integer("n_text_ctx", 0, 0, int.MaxValue),
            TextWidth = reader.Integer("n_text_state", 0, 0, int.MaxValue),
            TextHeads = reader.Integer("n_text_head", 0, 0, int.MaxValue),
            TextLayers = reader.Integer("n_text_layer", 0, 0, int.MaxValue),
        };
        configuration.Validate();
        return configuration;
    }

    /// <summary>Reads the dimensions from a checkpoint's values that are no tensors.</summary>
    /// <param name="metadata">Values by name, for instance "dims.n_mels".</param>
    /// <param name="prefix">Text in front of the original's key names.</param>
    /// <exception cref="ModelConfigurationException">A dimension is missing, malformed or impossible.</exception>
    public static WhisperConfiguration FromMetadata(IReadOnlyDictionary<string, string> metadata, string prefix = "dims.")
    {
        Dictionary<string, long> dims = [];
        foreach ((string key, string text) in metadata)
        {
            if (key.StartsWith(prefix, StringComparison.Ordinal))
            {
                string name = key[prefix.Length..];
                dims[name] = long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value)
                    ? value
                    : throw new ModelConfigurationException(
                        $"The configuration of Whisper cannot be used: {name} is \"{text}\", but must be an integer."
                    );
            }
        }
        return FromJson(JsonSerializer.SerializeToElement(dims));
    }

    /// <summary>Checks what the dimensions require of each other.</summary>
    /// <exception cref="ModelConfigurationException">The network cannot be built from these values.</exception>
    public void Validate()
    {
        Require(
            MelBands >= 1 && AudioPositions >= 1 && AudioLayers >= 0,
            "n_mels and n_audio_ctx must be at least 1, n_audio_layer at least 0"
        );
        Require(
            AudioWidth >= 1 && AudioHeads >= 1 && AudioWidth % AudioHeads == 0,
            $"n_audio_head ({AudioHeads}) does not divide n_audio_state ({AudioWidth})"
        );
    }

    private static void Require(bool condition, Sentence message)
    {
        if (!condition)
        {
            throw new ModelConfigurationException($"The configuration of Whisper cannot be used: {message}.");
        }
    }
}
