using System.Globalization;
using System.Text.Json;
using LatentSync.Attention.Torch;
using LatentSync.Checkpoints;
using LatentSync.Models.Schedulers;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Parity;

/// <summary>The noise scheduler: its tables, timesteps, added noise, and traces with the manifest's analytic model.</summary>
public sealed class DdimParity : IParityFixture
{
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
            string[] parts = name.Split('.');
            switch (parts)
            {
                case ["alphas_cumprod"]:
                    Compare(name, tensor(scheduler.Schedule.AlphasCumulative.ToArray()), table);
                    break;
                case ["betas"]:
                    Compare(name, tensor(scheduler.Schedule.Betas.ToArray()), table);
                    break;
                case ["final_alpha_cumprod"]:
                    Compare(name, tensor(scheduler.Schedule.FinalAlphaCumulative), table);
                    break;
                case ["timesteps", var steps]:
                    long[] timesteps = [.. scheduler.Timesteps(Count(steps)).Select(t => (long)t)];
                    comparisons.Add(ParityComparer.CompareExact(name, timesteps, ParityTensors.ReadIntegers(io, name)));
                    break;
                case ["trace", var steps, "samples"]:
                    comparisons.AddRange(Trace(manifest, scheduler, io, steps, trace));
                    break;
                case ["add_noise", "output"]:
                    Tensor noisy = scheduler.AddNoise(
                        ParityTensors.Read(io, "add_noise.x0"),
                        ParityTensors.Read(io, "add_noise.noise"),
                        ParityTensors.Read(io, "add_noise.timesteps")
                    );
                    Compare(name, noisy, trace);
                    break;
            }
        }
        return comparisons;

        void Compare(string name, Tensor actual, (double Atol, double Rtol) tolerance) =>
            comparisons.Add(ParityComparer.Compare(name, actual, ParityTensors.Read(io, name), tolerance.Atol, tolerance.Rtol));
    }

    private static IEnumerable<ParityComparison> Trace(
        ParityManifest manifest,
        DdimScheduler scheduler,
        TensorArchive io,
        string steps,
        (double Atol, double Rtol) tolerance
    )
    {
        // eps = a x + c t / 1000
        double a = Number(manifest.Require("fake_model", "a"));
        double c = Number(manifest.Require("fake_model", "c"));
        int count = Count(steps);
        Tensor sample = ParityTensors.Read(io, $"trace.{steps}.start");
        List<Tensor> samples = [];
        List<Tensor> originals = [];
        foreach (int timestep in scheduler.Timesteps(count))
        {
            Tensor noise = sample * a + c * timestep / 1000;
            DdimStep step = scheduler.Step(noise, timestep, sample, count);
            samples.Add(sample = step.Previous);
            originals.Add(step.PredictedOriginal);
        }
        yield return ParityComparer.Compare(
            $"trace.{steps}.samples",
            stack(samples),
            ParityTensors.Read(io, $"trace.{steps}.samples"),
            tolerance.Atol,
            tolerance.Rtol
        );
        string ends = $"trace.{steps}.pred_original_first_last";
        if (io.Tensors.ContainsKey(ends))
        {
            yield return ParityComparer.Compare(
                ends,
                stack([originals[0], originals[^1]]),
                ParityTensors.Read(io, ends),
                tolerance.Atol,
                tolerance.Rtol
            );
        }
    }

    private static int Count(string steps) =>
        int.TryParse(steps, NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            ? count
            : throw new ParityException($"\"{steps}\" is no number of inference steps.");

    private static double Number(JsonElement element) =>
        element.ValueKind == JsonValueKind.Number
            ? element.GetDouble()
            : throw new ParityException($"{element.GetRawText()} is no number.");
}
