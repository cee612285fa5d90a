using System.Globalization;
using LatentSync.Attention.Problems;
using LatentSync.Attention.Rules;
using LatentSync.Attention.Selection;
using LatentSync.Attention.Torch;
using LatentSync.Attention.Torch.Backends;
using LatentSync.Attention.Torch.Operands;
using LatentSync.Attention.Torch.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace LatentSync.Lab.Auditing;

/// <summary>Measures what one call of each backend takes, over LatentSync's own shapes and the variants that cost memory, and holds it
/// against the plan's estimate.</summary>
internal static class MemoryAudit
{
    /// <summary>A shape. On a GPU every operand has less than 1 MiB or more than 10: so it lies in blocks of its own, and what is measured
    /// is the call's.</summary>
    private sealed record Case(string Name, int B, int H, int Hkv, int Lq, int Lk, int D, int Dv)
    {
        internal bool IsPermuted { get; init; }

        internal bool IsCausal { get; init; }

        internal bool HasMask { get; init; }
    }

    private static readonly Case[] OnCpu =
    [
        new("plain", 1, 8, 8, 1500, 1500, 40, 40),
        new("mask", 1, 8, 8, 1500, 1500, 40, 40) { HasMask = true },
        new("causal and mask", 1, 8, 8, 1500, 1500, 40, 40) { HasMask = true, IsCausal = true },
        new("grouped", 1, 8, 2, 1500, 1500, 40, 40),
        new("permuted", 1, 8, 8, 1500, 1500, 40, 40) { IsPermuted = true },
        new("longer value", 1, 8, 8, 1500, 1500, 40, 120),
    ];

    private static readonly Case[] OnCuda =
    [
        new("unet self, 4096 positions", 16, 8, 8, 4096, 4096, 40, 40),
        new("the same, permuted", 16, 8, 8, 4096, 4096, 40, 40) { IsPermuted = true },
        new("the same with a mask", 16, 8, 8, 4096, 4096, 40, 40) { HasMask = true },
        new("unet cross", 16, 8, 8, 4096, 50, 40, 40),
        new("unet temporal, beyond one launch", 8192, 8, 8, 16, 16, 40, 40),
        new("vae mid block", 4, 1, 1, 4096, 4096, 512, 512),
        new("grouped", 2, 32, 8, 4096, 4096, 128, 128) { IsCausal = true },
        new("head dim 20, to be padded", 16, 16, 16, 4096, 4096, 20, 20),
    ];

    internal static MemoryAuditResult Run(AuditOptions options)
    {
        if (PeakMeter.For(options.Device) is not { } peak)
        {
            return new MemoryAuditResult(null, 0, [], []);
        }
        bool isCpu = options.Device.Kind == AttentionDeviceKind.Cpu;
        var measurements = new List<MemoryMeasurement>();
        var leftOut = new List<string>();
        foreach (Case shape in isCpu ? OnCpu : OnCuda)
        {
            foreach (
                ScalarType dtype in isCpu ? [ScalarType.Float32, ScalarType.BFloat16] : new[] { ScalarType.Float16, ScalarType.Float32 }
            )
            {
                using var scope = NewDisposeScope();
                (Tensor query, Tensor key, Tensor value, AttentionArguments arguments) = Make(shape, dtype, options);
                foreach (IAttentionBackend backend in AttentionDispatcher.BuiltInBackends())
                {
                    Measure(shape.Name, backend, query, key, value, arguments);
                }
            }
        }
        return new MemoryAuditResult(peak.Method, peak.AllowedBeyondBytes, measurements, leftOut);

        void Measure(string name, IAttentionBackend backend, Tensor query, Tensor key, Tensor value, AttentionArguments arguments)
        {
            var dispatcher = new AttentionDispatcher(
                new AttentionDispatcherOptions
                {
                    Machine = options.Machine,
                    Policy = Policy.Require(backend.Name),
                    Backends = [backend],
                    FreeMemory = _ => null,
                }
            );
            AttentionProblem problem = AttentionDispatcher.Describe(query, key, value, arguments);
            Plan plan = dispatcher.Explain(problem);
            string words = $"{name}: {problem.Describe()}";
            if (plan.Chosen is null)
            {
                return; // its rules refuse the problem
            }
            if (peak.FreeBytes is { } free && MemoryRules.FreeBytesNeeded(plan.EstimatedBytes) > free)
            {
                leftOut.Add(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{backend.Name}, {words}: needs {plan.EstimatedBytes >> 20} MiB, {free >> 20} MiB free"
                    )
                );
                return;
            }
            long bytes = peak.Measure(() => dispatcher.Run(query, key, value, arguments).Dispose());
            measurements.Add(new MemoryMeasurement(backend.Name, words, plan.EstimatedBytes, bytes));
        }
    }

    private static (Tensor Query, Tensor Key, Tensor Value, AttentionArguments Arguments) Make(
        Case shape,
        ScalarType dtype,
        AuditOptions options
    )
    {
        DeviceType type = options.Device.Kind == AttentionDeviceKind.Cpu ? DeviceType.CPU : DeviceType.CUDA;
        Device place = device(type, options.Device.Index);
        Tensor query = Operand(shape.H, shape.Lq, shape.D),
            key = Operand(shape.Hkv, shape.Lk, shape.D);
        Tensor value = shape.Dv == shape.D ? key : Operand(shape.Hkv, shape.Lk, shape.Dv);
        var arguments = new AttentionArguments
        {
            Mask = shape.HasMask ? rand([shape.Lq, shape.Lk], device: place).gt(Scalars.Of(0.5)) : null,
            IsCausal = shape.IsCausal,
        };
        return (query, key, value, arguments);

        Tensor Operand(int heads, int length, int dim) =>
            shape.IsPermuted
                ? randn([shape.B, length, heads, dim], dtype, place).transpose(1, 2)
                : randn([shape.B, heads, length, dim], dtype, place);
    }
}
