using System.Text.Json;
using System.Text.Json.Nodes;
using LatentSync.Foundation.Wording;
using LatentSync.Models.Loading;

namespace LatentSync.Models.SyncNets;

/// <summary>Shape of one of the two encoders of a SyncNet: <c>model.audio_encoder</c> or <c>model.visual_encoder</c>.</summary>
public sealed record SyncNetEncoderConfiguration
{
    internal const int Groups = 32,
        HeadCount = 8;
    private const int MaximumChannels = 1 << 16;
    private const int MaximumBlocks = 64;

    private static readonly string[] Keys = ["in_channels", "block_out_channels", "downsample_factors", "attn_blocks", "dropout"];

    /// <summary>Channels of the input. Key <c>in_channels</c>.</summary>
    public required int InChannels { get; init; }

    /// <summary>Channels after each residual block, multiples of 32. Key <c>block_out_channels</c>.</summary>
    public required IReadOnlyList<int> BlockOutChannels { get; init; }

    /// <summary>Reduction by each residual block. Key <c>downsample_factors</c>.</summary>
    public required IReadOnlyList<SyncNetFactor> DownsampleFactors { get; init; }

    /// <summary>Whether an attention block follows each residual block. Key <c>attn_blocks</c>, 0 or 1; absent (as in one of the original's
    /// files) means none.</summary>
    public required IReadOnlyList<bool> AttentionBlocks { get; init; }

    /// <summary>Channels of the output.</summary>
    public int OutChannels => BlockOutChannels[^1];

    /// <summary>Size of the output.</summary>
    /// <param name="height">Rows of the input.</param>
    /// <param name="width">Columns of the input.</param>
    /// <returns>Rows and columns; 0 where the input is too small.</returns>
    public (int Height, int Width) OutputSize(int height, int width)
    {
        foreach (SyncNetFactor factor in DownsampleFactors)
        {
            (height, width) = height < 1 || width < 1 ? (0, 0) : factor.Apply(height, width);
        }
        return (height, width);
    }

    internal static SyncNetEncoderConfiguration FromJson(JsonElement json, string key)
    {
        string section = $"StableSyncNet's {key}";
        ConfigurationReader reader = new(json, section);
        KnownKeys.Check(json, section, Keys, []);
        if (reader.Number("dropout", 0) is var dropout and not 0)
        {
            throw reader.Invalid("dropout", $"{dropout}", "0 (every published configuration has 0)");
        }
        int[] channels = reader.Integers("block_out_channels", [], 1, MaximumChannels, MaximumBlocks);
        int[] attention = reader.Integers("attn_blocks", [.. channels.Select(_ => 0)], 0, 1, MaximumBlocks);
        return new SyncNetEncoderConfiguration
        {
            InChannels = reader.RequiredInteger("in_channels", 1, MaximumChannels),
            BlockOutChannels = channels,
            DownsampleFactors = ReadFactors(json, reader),
            AttentionBlocks = [.. attention.Select(flag => flag == 1)],
        };
    }

    internal JsonObject ToJson() =>
        new()
        {
            ["in_channels"] = InChannels,
            ["block_out_channels"] = new JsonArray([.. BlockOutChannels.Select(c => (JsonNode)c)]),
            ["downsample_factors"] = new JsonArray([
                .. DownsampleFactors.Select(f =>
                    f.Vertical == f.Horizontal ? (JsonNode)f.Vertical : new JsonArray(f.Vertical, f.Horizontal)
                ),
            ]),
            ["attn_blocks"] = new JsonArray([.. AttentionBlocks.Select(a => (JsonNode)(a ? 1 : 0))]),
            ["dropout"] = 0.0,
        };

    /// <summary>The first contradiction; null when there is none.</summary>
    internal Sentence? FindFault(string key)
    {
        int blocks = BlockOutChannels.Count;
        if (blocks is < 1 or > MaximumBlocks)
        {
            return $"{key}: block_out_channels has {blocks} entries; 1 to {MaximumBlocks} are possible";
        }
        if (DownsampleFactors.Count != blocks || AttentionBlocks.Count != blocks)
        {
            return $"{key}: block_out_channels has {blocks} entries, downsample_factors {DownsampleFactors.Count}, attn_blocks {AttentionBlocks.Count}; equal numbers are required";
        }
        if (BlockOutChannels.FirstOrDefault(c => c < Groups || c % Groups != 0) is var channels and not 0)
        {
            return $"{key}: block_out_channels has {channels}; multiples of {Groups} (the groups of its norms) are required";
        }
        return InChannels < 1 ? (Sentence)$"{key}: in_channels is {InChannels}; at least 1 is required"
            : DownsampleFactors.Any(f => f.Vertical < 1 || f.Horizontal < 1) ? (Sentence)$"{key}: downsample_factors must be at least 1"
            : null;
    }

    private static SyncNetFactor[] ReadFactors(JsonElement json, ConfigurationReader reader)
    {
        const string Key = "downsample_factors";
        if (
            !json.TryGetProperty(Key, out JsonElement list)
            || list.ValueKind != JsonValueKind.Array
            || list.GetArrayLength() > MaximumBlocks
        )
        {
            throw reader.Invalid(
                Key,
                list.ValueKind == JsonValueKind.Undefined ? "nothing" : list.GetRawText(),
                $"a list of at most {MaximumBlocks} factors"
            );
        }
        return [.. list.EnumerateArray().Select(Read)];

        SyncNetFactor Read(JsonElement item)
        {
            if (item.ValueKind == JsonValueKind.Array && item.GetArrayLength() == 2)
            {
                SyncNetFactor factor = new(Number(item[0]), Number(item[1]));
                return factor.IsReduction ? factor : throw reader.Invalid(Key, item.GetRawText(), "1 where a block keeps the size");
            }
            return Number(item);
        }

        int Number(JsonElement item) =>
            item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int number) && number is >= 1 and <= 64
                ? number
                : throw reader.Invalid(Key, item.GetRawText(), "a factor from 1 to 64 or a pair [vertical, horizontal] of such");
    }
}
