using LatentSync.Attention.Problems;
using LatentSync.Foundation.Wording;

namespace LatentSync.Attention.Workloads;

/// <summary>The workloads that are known by name.</summary>
public static class WorkloadCatalog
{
    /// <summary>The one that is meant when none is named.</summary>
    public const string Default = "latentsync-256";

    /// <summary>Every workload.</summary>
    public static IReadOnlyList<Workload> All { get; } =
    [LatentSyncWorkload.Create(256), LatentSyncWorkload.Create(512), GroupedQueries(), LatentAttention(), VisionTransformers()];

    /// <summary>The workload of a name, upper or lower case.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="FormatException">There is none; the message names the nearest and all others.</exception>
    public static Workload Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string wanted = name.Trim().ToLowerInvariant();
        return All.FirstOrDefault(workload => workload.Name == wanted)
            ?? throw new FormatException(
                Sentence.Say(
                    $"There is no workload \"{name}\"; did you mean {All.MinBy(workload => NearestName.Distance(wanted, workload.Name))!.Name}? Known: {string.Join(", ", All.Select(workload => workload.Name))}."
                )
            );
    }

    /// <summary>Language models whose query heads share key heads of 128. Head counts and layers: the models' published
    /// configurations.</summary>
    private static Workload GroupedQueries() =>
        new(
            "gqa-128",
            "language models with grouped queries, head dim 128: prefill and decode",
            [
                new("llama-3-8b.prefill.1024", Causal(1, 32, 8, 1024, 1024), 32, "pass"),
                new("llama-3-8b.prefill.2048", Causal(1, 32, 8, 2048, 2048), 32, "pass"),
                new("llama-3-8b.prefill-chunk.256-of-2048", Causal(1, 32, 8, 256, 2048), 32, "pass"),
                new("llama-3-8b.decode.4096", Decode(1, 32, 8, 4096), 32, "token"),
                new("llama-3-8b.decode-batch-8.1024", Decode(8, 32, 8, 1024), 32, "token"),
                new("llama-3-70b.decode.2048", Decode(1, 64, 8, 2048), 80, "token"),
                new("qwen2.5-7b.prefill.1024", Causal(1, 28, 4, 1024, 1024), 28, "pass"),
                new("qwen2.5-7b.decode.4096", Decode(1, 28, 4, 4096), 28, "token"),
            ]
        );

    /// <summary>Multi-head latent attention as it is computed after the latents are expanded: keys of 128 + 64, values of 128.</summary>
    private static Workload LatentAttention() =>
        new(
            "mla-192",
            "language models with latent attention: keys of 192, values of 128",
            [
                new("deepseek-v2-lite.prefill.1024", Causal(1, 16, 16, 1024, 1024, 192, 128), 27, "pass"),
                new("deepseek-v2-lite.prefill-chunk.256-of-2048", Causal(1, 16, 16, 256, 2048, 192, 128), 27, "pass"),
                new("deepseek-v2-lite.decode.2048", Decode(1, 16, 16, 2048, 192, 128), 27, "token"),
                new("deepseek-v3.decode.1024", Decode(1, 128, 128, 1024, 192, 128), 61, "token"),
            ]
        );

    /// <summary>Vision transformers whose head dims are no powers of two.</summary>
    private static Workload VisionTransformers() =>
        new(
            "vit-72-80",
            "vision transformers with head dims 72 and 80",
            [
                new("siglip-so400m-384.self", Plain(4, 16, 729, 72), 27, "pass"),
                new("vit-h-14-224.self", Plain(8, 16, 257, 80), 32, "pass"),
                new("qwen2-vl-vision.self.1024", Plain(1, 16, 1024, 80), 32, "pass"),
                new("sam-vit-h.window.14x14", Plain(25, 16, 196, 80), 28, "pass"),
                new("sam-vit-h.global.64x64", Plain(1, 16, 4096, 80), 4, "pass"),
            ]
        );

    private static AttentionProblem Plain(int batch, int heads, int length, int headDim) =>
        AttentionProblem.Of(batch, heads, length, length, headDim) with
        {
            QueryLayout = OperandLayout.LengthFirst,
        };

    private static AttentionProblem Causal(
        int batch,
        int heads,
        int kvHeads,
        int queryLength,
        int keyLength,
        int headDim = 128,
        int valueDim = 128
    ) =>
        AttentionProblem.Of(batch, heads, queryLength, keyLength, headDim) with
        {
            KvHeadCount = kvHeads,
            ValueDim = valueDim,
            IsCausal = true,
            CausalAlignment = CausalAlignment.BottomRight,
            QueryLayout = OperandLayout.LengthFirst,
        };

    /// <summary>One new token over all that came before. Its key is among them, so nothing is hidden.</summary>
    private static AttentionProblem Decode(int batch, int heads, int kvHeads, int keyLength, int headDim = 128, int valueDim = 128) =>
        AttentionProblem.Of(batch, heads, 1, keyLength, headDim) with
        {
            KvHeadCount = kvHeads,
            ValueDim = valueDim,
        };
}
