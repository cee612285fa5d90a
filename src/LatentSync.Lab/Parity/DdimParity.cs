using System.Globalization;
using System.Text.Json;
using LatentSync.Attention.Torch.Devices;
using LatentSync.Attention.Torch.Tensors;
using LatentSync.Checkpoints;
using LatentSync.Models.Schedulers;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Lab.Parity;

/// <summary>The noise scheduler: its tables, timesteps, added noise, and traces with the manifest's analytic model.</summary>
public sealed class DdimParity : IParityFixture
{
    private const string Samples = ".samples";
    private const string Output = ".output";

    /// <inheritdoc/>
    public bool Recognises(ParityManifest manifest) => manifest.Component.Contains("DDIMScheduler", StringComparison.Ordinal);

    /// <inheritdoc/>
    public IEnumerable<ParityComparison> Run(ParityManifest manifest)
    {
        TorchRuntime.EnsureLoaded();
        using IDisposable noGrad = no_grad();
        using DisposeScope scope = NewDisposeScope();
        DdimScheduler scheduler = new(SchedulerConfiguration.FromJson(manifest.Require("config")));
        using TensorArchive io = manifest.OpenArchive("io.safetensors");
        (double atol, double rtol) table = manifest.Tolerance("alphas_cumprod") ?? (1e-6, 1e-5);
        (double atol, double rtol) trace = manifest.Tolerance("trace") ?? (2e-4, 1e-4);
        List<ParityComparison> comparisons = [];
        foreach (string name in io.Tensors.Keys.Order(StringComparer.Ordinal))
        {
            if (name == "alphas_cumprod")
            {
                Compare(name, tensor(scheduler.Schedule.AlphasCumulative.ToArray()), table);
            }
            else if (name == "betas")
            {
                Compare(name, tensor(scheduler.Schedule.Betas.ToArray()), table);
            }
            else if (name == "final_alpha_cumprod")
            {
                Compare(name, tensor(scheduler.Schedule.FinalAlphaCumulative).view(ParityTensors.Read(io, name).shape), table);
            }
            else if (name.StartsWith("timesteps.", StringComparison.Ordinal))
            {
                long[] expected = ParityTensors.ReadIntegers(io, name);
                int steps = CountIn(name) ?? expected.Length;
                comparisons.Add(ParityComparer.CompareExact(name, [.. scheduler.Timesteps(steps).Select(t => (long)t)], expected));
            }
            else if (name.EndsWith(Samples, StringComparison.Ordinal) && io.Tensors.ContainsKey($"{name[..^Samples.Length]}.start"))
            {
                comparisons.AddRange(Trace(manifest, scheduler, io, name[..^Samples.Length], trace));
            }
            else if (name.EndsWith(Output, StringComparison.Ordinal) && io.Tensors.ContainsKey($"{name[..^Output.Length]}.x0"))
            {
                string given = name[..^Output.Length];
                Tensor noisy = scheduler.AddNoise(
                    ParityTensors.Read(io, $"{given}.x0"),
                    ParityTensors.Read(io, $"{given}.noise"),
                    ParityTensors.Read(io, $"{given}.timesteps")
                );
                Compare(name, noisy, trace);
            }
        }
        return comparisons;

        void Compare(string name, Tensor actual, (double Atol, double Rtol) tolerance) =>
            comparisons.Add(ParityComparer.Compare(name, actual, ParityTensors.Read(io, name), tolerance.Atol, tolerance.Rtol));
    }

    // "trace.20", or any other name; the steps are then as many as the samples after each of them.
    private static IEnumerable<ParityComparison> Trace(
        ParityManifest manifest,
        DdimScheduler scheduler,
        TensorArchive io,
        string trace,
        (double Atol, double Rtol) tolerance
    )
    {
        // model output = a x + c t / 1000, whatever the scheduler takes it for
        double a = Number(manifest.Require("fake_model", "a"));
        double c = Number(manifest.Require("fake_model", "c"));
        Tensor expected = ParityTensors.Read(io, trace + Samples);
        int count = CountIn(trace) ?? (expected.dim() > 0 ? (int)expected.shape[0] : 0);
        Tensor sample = ParityTensors.Read(io, $"{trace}.start");
        List<Tensor> samples = [];
        List<Tensor> originals = [];
        foreach (int timestep in scheduler.Timesteps(count))
        {
            Tensor output = sample.Times(a).Plus(c * timestep / 1000);
            DdimStep step = scheduler.Step(output, timestep, sample, count);
            samples.Add(sample = step.Previous);
            originals.Add(step.PredictedOriginal);
        }
        yield return Compare(trace + Samples, stack(samples));
        string ends = $"{trace}.pred_original_first_last";
        if (io.Tensors.ContainsKey(ends))
        {
            yield return Compare(ends, stack([originals[0], originals[^1]]));
        }
        string all = $"{trace}.pred_original";
        if (io.Tensors.ContainsKey(all))
        {
            yield return Compare(all, stack(originals));
        }

        ParityComparison Compare(string name, Tensor actual) =>
            ParityComparer.Compare(name, actual, ParityTensors.Read(io, name), tolerance.Atol, tolerance.Rtol);
    }

    // The number of steps as the last part of a name; null where that is a word.
    private static int? CountIn(string name) =>
        int.TryParse(name[(name.LastIndexOf('.') + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int count) ? count : null;

    private static double Number(JsonElement element) =>
        element.ValueKind == JsonValueKind.Number
            ? element.GetDouble()
            : throw new ParityException($"{element.GetRawText()} is no number.");
}
