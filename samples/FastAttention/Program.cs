using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Devices;
using static TorchSharp.torch;

TorchRuntime.EnsureLoaded(); // libtorch, before the first tensor
using var scope = NewDisposeScope();
Tensor query = randn(1, 8, 1024, 64),
    key = randn(1, 8, 1024, 64),
    value = randn(1, 8, 1024, 64); // (B, H, L, D)

Tensor result = TorchAttention.ScaledDotProductAttention(query, key, value, layer: "sample");

Tensor weights = softmax(matmul(query.to(float64), key.to(float64).transpose(-2, -1)) / Math.Sqrt(64), -1);
double error = (matmul(weights, value.to(float64)) - result).abs().max().item<double>();

Plan plan = AttentionDispatcher.Current.Explain(AttentionDispatcher.Describe(query, key, value, default));
foreach (Verdict verdict in plan.Verdicts)
{
    Console.WriteLine(
        $"{verdict.Backend}: {(verdict.Runs ? "runs" : string.Join("; ", verdict.Reasons.Select(r => $"{r.Code} {r.Message}")))}"
    );
}
Console.WriteLine(
    $"ran: {string.Join(", ", AttentionDispatcher.Current.Snapshot().Select(use => $"{use.Backend} x{use.Calls} for {use.Layer}"))}"
);
Console.WriteLine($"largest difference from float64: {error:e2}");
return error < 1e-5 ? 0 : 1;
