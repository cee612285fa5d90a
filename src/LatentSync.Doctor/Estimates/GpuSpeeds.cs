using System.Collections.Frozen;
using LatentSync.Attention.Machines;
using LatentSync.Attention.Problems;

namespace LatentSync.Doctor.Estimates;

/// <summary>What the makers say of a GPU's speed.</summary>
/// <param name="SingleTera">Peak of float32 without tensor cores, in 10^12 operations per second.</param>
/// <param name="HalfTera">Peak of float16 products that are summed in float32, without sparsity; float32's where halves are no
/// faster.</param>
/// <param name="Gigabytes">Memory bandwidth in 10^9 bytes per second.</param>
internal readonly record struct GpuPeak(double SingleTera, double HalfTera, double Gigabytes);

/// <summary>
/// The speed of the GPUs in the catalogue, for machines that nobody can measure on. Data sheets and published tables, from memory; where a
/// name has several variants, the commonest. GeForce cards sum halves in float32 at half of their tensor cores' speed, which is counted
/// here.
/// </summary>
internal static class GpuSpeeds
{
    /// <summary>Of the peak, what convolutions and products of these sizes reach. An assumption: no run of this project on CUDA has been
    /// measured yet.</summary>
    private const double ReachedInSingle = 0.6,
        ReachedInHalf = 0.5;

    /// <summary>Slices of a whole GPU that its makers count.</summary>
    private const double SlicesOfAGpu = 7;

    private const double Tera = 1e12,
        Giga = 1e9;

    private static readonly FrozenDictionary<string, GpuPeak> ByName = Read(
        """
        GeForce GTX 750 Ti: 1.4 1.4 86; GeForce GTX 960: 2.4 2.4 112; GeForce GTX 970: 3.9 3.9 224; GeForce GTX 980: 5.0 5.0 224
        GeForce GTX 980 Ti: 6.1 6.1 336; GeForce GTX TITAN X: 6.7 6.7 336; Tesla M40: 6.8 6.8 288; Tesla M60: 4.8 4.8 160
        Quadro M6000: 6.1 6.1 317; Jetson Nano: 0.24 0.24 26
        Tesla P100-PCIE-16GB: 9.3 9.3 732; Tesla P100-PCIE-12GB: 9.3 9.3 549; Tesla P4: 5.5 5.5 192; Tesla P40: 11.8 11.8 347
        GeForce GTX 1050: 1.9 1.9 112; GeForce GTX 1050 Ti: 2.1 2.1 112; GeForce GTX 1060: 4.4 4.4 192; GeForce GTX 1070: 6.5 6.5 256
        GeForce GTX 1070 Ti: 8.2 8.2 256; GeForce GTX 1080: 8.9 8.9 320; GeForce GTX 1080 Ti: 11.3 11.3 484; TITAN Xp: 12.1 12.1 548
        Quadro P5000: 8.9 8.9 288; Quadro P6000: 12.6 12.6 432; Jetson TX2: 0.67 0.67 60
        Tesla V100-SXM2-16GB: 15.7 125 900; Tesla V100-SXM2-32GB: 15.7 125 900; TITAN V: 14.9 110 653; Quadro GV100: 14.8 118 870
        Jetson AGX Xavier: 1.4 11 137; Jetson Xavier NX: 0.84 6 60
        Tesla T4: 8.1 65 320; GeForce GTX 1650: 3.0 6.0 128; GeForce GTX 1650 SUPER: 4.4 8.8 192; GeForce GTX 1660: 5.0 10 192
        GeForce GTX 1660 SUPER: 5.0 10 336; GeForce GTX 1660 Ti: 5.4 10.9 288; GeForce RTX 2060: 6.5 26 336
        GeForce RTX 2060 SUPER: 7.2 29 448; GeForce RTX 2070: 7.5 30 448; GeForce RTX 2070 SUPER: 9.1 36 448
        GeForce RTX 2080: 10.1 40 448; GeForce RTX 2080 SUPER: 11.2 45 496; GeForce RTX 2080 Ti: 13.4 54 616; TITAN RTX: 16.3 130 672
        Quadro T1000: 2.5 5.0 128; Quadro RTX 4000: 7.1 57 416; Quadro RTX 5000: 11.2 89 448; Quadro RTX 6000: 16.3 130 672
        Quadro RTX 8000: 16.3 130 672
        A100-SXM4-40GB: 19.5 312 1555; A100-SXM4-80GB: 19.5 312 2039; A800-SXM4-80GB: 19.5 312 2039; A30: 10.3 165 933
        A2: 4.5 18 200; A10: 31.2 125 600; A10G: 31.5 70 600; A16: 4.5 18 200; A40: 37.4 150 696
        GeForce RTX 3050: 9.1 18 224; GeForce RTX 3060: 12.7 25 360; GeForce RTX 3060 Ti: 16.2 32 448; GeForce RTX 3070: 20.3 41 448
        GeForce RTX 3070 Ti: 21.7 43 608; GeForce RTX 3080: 29.8 60 760; GeForce RTX 3080 Ti: 34.1 68 912; GeForce RTX 3090: 35.6 71 936
        GeForce RTX 3090 Ti: 40 80 1008; RTX A2000: 8.0 32 288; RTX A4000: 19.2 77 448; RTX A4500: 23.7 95 640; RTX A5000: 27.8 111 768
        RTX A5500: 34.1 136 768; RTX A6000: 38.7 155 768
        Jetson AGX Orin: 5.3 42 205; Jetson Orin NX: 1.9 12 102; Jetson Orin Nano: 1.3 8.5 68; Orin: 5.3 42 205
        L4: 30.3 121 300; L20: 59.8 120 864; L40: 90.5 181 864; L40S: 91.6 362 864
        GeForce RTX 4050 Laptop GPU: 9 18 192; GeForce RTX 4060: 15.1 30 272; GeForce RTX 4060 Ti: 22.1 44 288; GeForce RTX 4070: 29.1 58 504
        GeForce RTX 4070 SUPER: 35.5 71 504; GeForce RTX 4070 Ti: 40.1 80 504; GeForce RTX 4070 Ti SUPER: 44.1 88 672
        GeForce RTX 4080: 48.7 97 717; GeForce RTX 4080 SUPER: 52.2 104 736; GeForce RTX 4090: 82.6 165 1008
        GeForce RTX 4090 D: 73.5 147 1008; GeForce RTX 4090 Laptop GPU: 33 66 576
        RTX 2000 Ada Generation: 12 48 224; RTX 4000 Ada Generation: 26.7 107 360; RTX 4500 Ada Generation: 39.6 158 432
        RTX 5000 Ada Generation: 65.3 261 576; RTX 6000 Ada Generation: 91.1 364 960
        H100 80GB HBM3: 67 989 3350; H100 NVL: 60 835 3938; H800: 67 989 3350; H20: 44 148 4000; H200: 67 989 4800; H200 NVL: 60 835 4800
        GH200 480GB: 67 989 4000; B200: 75 2250 8000; GB200: 80 2500 8000; B300: 75 2250 8000; GB300: 80 2500 8000
        Jetson Thor: 8 259 273
        GeForce RTX 5050: 13.2 26 320; GeForce RTX 5060: 19.2 38 448; GeForce RTX 5060 Ti: 23.7 47 448; GeForce RTX 5070: 30.9 62 672
        GeForce RTX 5070 Ti: 43.9 88 896; GeForce RTX 5080: 56.3 113 960; GeForce RTX 5090: 104.8 210 1792; GeForce RTX 5090 D: 104.8 210 1792
        GeForce RTX 5090 Laptop GPU: 44 88 896
        RTX PRO 4000 Blackwell: 46.9 188 672; RTX PRO 4500 Blackwell: 54.9 220 896; RTX PRO 5000 Blackwell: 73.7 295 1344
        RTX PRO 6000 Blackwell Workstation Edition: 125 500 1792; RTX PRO 6000 Blackwell Server Edition: 120 480 1597
        GB10: 31 100 273
        """
    );

    /// <summary>The peak of a GPU of NVIDIA; null when its name is in no table.</summary>
    /// <param name="gpu">The GPU; of a MIG slice, its share.</param>
    public static GpuPeak? PeakOf(GpuInfo gpu)
    {
        if (!GpuCatalog.TryFind(gpu.Name, out GpuModel? model) || !ByName.TryGetValue(model.Name, out GpuPeak peak))
        {
            return null;
        }
        double share = ShareOf(gpu.MigProfile);
        return new GpuPeak(share * peak.SingleTera, share * peak.HalfTera, share * peak.Gigabytes);
    }

    /// <summary>The speed to expect of a GPU of NVIDIA; null when its name is in no table.</summary>
    /// <param name="gpu">The GPU.</param>
    /// <param name="dtype">The element type.</param>
    public static MachineSpeed? Of(GpuInfo gpu, AttentionDType dtype) =>
        PeakOf(gpu) is not { } peak ? null
        : dtype == AttentionDType.Float32 ? Speed(ReachedInSingle * peak.SingleTera, peak.Gigabytes)
        : Speed(ReachedInHalf * peak.HalfTera, peak.Gigabytes);

    /// <summary>The speed to expect of an Apple chip's GPU in float32.</summary>
    /// <param name="chip">The chip.</param>
    public static MachineSpeed Of(Machines.AppleChip chip) => Speed(ReachedInHalf * chip.GpuTera, chip.Gigabytes);

    private static MachineSpeed Speed(double tera, double gigabytes) =>
        new(tera * Tera, tera * Tera) { Bandwidth = gigabytes * Giga, IsMeasured = false };

    /// <summary>A seventh of "1g.18gb"; the whole without a profile.</summary>
    private static double ShareOf(string? migProfile) =>
        migProfile is { Length: > 1 } profile && char.IsAsciiDigit(profile[0]) && profile[1] == 'g' ? (profile[0] - '0') / SlicesOfAGpu : 1;

    private static FrozenDictionary<string, GpuPeak> Read(string table)
    {
        Dictionary<string, GpuPeak> peaks = new(StringComparer.Ordinal);
        foreach (string entry in table.Split(['\n', ';'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = entry.Split(": ");
            double[] numbers =
            [
                .. parts[1].Split(' ').Select(number => double.Parse(number, System.Globalization.CultureInfo.InvariantCulture)),
            ];
            peaks.Add(parts[0], new GpuPeak(numbers[0], numbers[1], numbers[2]));
        }
        return peaks.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
