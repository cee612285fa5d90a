using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;

namespace LatentSync.Attention.Tests;

/// <summary>Problems and machines of every kind, for properties that must hold everywhere.</summary>
internal static class RandomProblems
{
    private static readonly int[] Dims = [1, 3, 4, 8, 24, 40, 64, 80, 128, 160, 192, 200, 224, 256, 257, 512];
    private static readonly int[] Lengths = [0, 1, 2, 16, 50, 128, 1024, 4096, 65_536, 65_537];
    private static readonly int[] Batches = [0, 1, 2, 16, 4096, 8192, 70_000];

    internal static IReadOnlyList<Machine> Machines { get; } =
    [
        Tests.Machines.CpuOnly,
        Tests.Machines.NoLibTorch,
        Tests.Machines.TeslaT4,
        Tests.Machines.P100,
        Tests.Machines.A10,
        Tests.Machines.H200,
        Tests.Machines.Thor,
        Tests.Machines.Gpu("NVIDIA B200", "10.0", 180),
        Tests.Machines.Gpu("NVIDIA GeForce RTX 5090", "12.0", 32, driver: "11.8"),
        WithCuDnn(Tests.Machines.Gpu("NVIDIA B200", "10.0", 180), "9.19.0"),
        WithCuDnn(Tests.Machines.H200, "9.12.0"),
        WithCuDnn(Tests.Machines.H200, null) with
        {
            LibTorch = new LibTorchInfo("2.10.0", "cuda", null, false, []),
        },
        With("2.1.2", "cu118", OsFamily.Linux),
        With("2.4.1", "cu118", OsFamily.Windows),
        With("2.5.0", "cu124", OsFamily.Linux),
        With("2.6.0", "cu124", OsFamily.Windows),
        With("2.7.1", "cu128", OsFamily.Linux),
        Tests.Machines.CpuOnly with
        {
            LibTorch = new LibTorchInfo("2.1.0", "cpu", null, false, []),
        },
        Tests.Machines.H200 with
        {
            LibTorch = Tests.Machines.H200.LibTorch! with { HasEfficientAttention = false, HasFlashAttention = false },
        },
        Tests.Machines.Gpu("AMD Instinct MI300X", "9.4", 192) with
        {
            LibTorch = new LibTorchInfo("2.10.0", "rocm6.4", null, false, []),
            Gpus = [new GpuInfo("MI300X", null, 192L << 30, null, null) { Maker = "amd" }],
        },
        Tests.Machines.CpuOnly with
        {
            Os = "macos 15",
            Cuda = new CudaInfo(null, "12.8"),
        },
    ];

    internal static AttentionProblem Draw(Random random)
    {
        int kv = random.Next(1, 5),
            heads = kv * (random.Next(4) == 0 ? random.Next(1, 4) : 1);
        int batch = Pick(Batches),
            lq = Pick(Lengths),
            lk = random.Next(2) == 0 ? lq : Pick(Lengths),
            dim = Pick(Dims);
        return new AttentionProblem
        {
            Batch = batch,
            HeadCount = heads,
            KvHeadCount = kv,
            QueryLength = lq,
            KeyLength = lk,
            HeadDim = dim,
            ValueDim = Chance(4) ? Pick(Dims) : dim,
            DType = (AttentionDType)random.Next(4),
            Device = random.Next(5) switch
            {
                0 => AttentionDevice.Cpu,
                1 => new AttentionDevice(AttentionDeviceKind.Mps, 0),
                _ => AttentionDevice.Cuda(Chance(20) ? 1 : 0),
            },
            Mask = Chance(3) ? Mask() : AttentionMask.None,
            IsCausal = Chance(4),
            CausalAlignment = (CausalAlignment)random.Next(2),
            LeftWindow = Chance(8) ? random.Next(100) : null,
            Softcap = Chance(8) ? 30 : 0,
            Dropout = Chance(6) ? 0.125 : 0,
            NeedsGradient = Chance(3),
            NeedsDeterminism = Chance(6),
            NeedsLogSumExp = Chance(6),
            Rank = Chance(8) ? 3 : 4,
            BroadcastsBatch = Chance(10),
            Strided = Chance(8) ? AttentionOperands.Key : AttentionOperands.None,
        };

        bool Chance(int oneIn) => random.Next(oneIn) == 0;

        int Pick(int[] from) => from[random.Next(from.Length)];

        AttentionMask Mask() =>
            AttentionMask.Of(
                Chance(2) ? AttentionMaskKind.Boolean : AttentionMaskKind.Additive,
                Chance(2) ? 1 : batch,
                Chance(2) ? 1 : heads,
                Chance(3) ? 1 : lq,
                Chance(6) ? 1 : lk
            ) with
            {
                Rank = random.Next(2, 5),
                DType = (AttentionDType)random.Next(4),
                NeedsGradient = Chance(6),
                IsStrided = Chance(6),
            };
    }

    private static Machine WithCuDnn(Machine machine, string? version) => machine with { Cuda = machine.Cuda! with { CuDnn = version } };

    private static Machine With(string version, string flavor, OsFamily os)
    {
        LibTorchInfo library = LibTorchCatalog.Describe(version, $"{flavor[2..^1]}.{flavor[^1]}", os).LibTorch;
        return Tests.Machines.H200 with
        {
            Os = os.ToString(),
            LibTorch = library,
            Cuda = new CudaInfo("13.0", $"{flavor[2..^1]}.{flavor[^1]}"),
        };
    }
}
