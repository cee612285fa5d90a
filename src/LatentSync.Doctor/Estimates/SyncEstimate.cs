using LatentSync.Attention.Problems;
using LatentSync.Models.UNets;

namespace LatentSync.Doctor.Estimates;

/// <summary>How long a lip-sync takes on a machine.</summary>
/// <param name="SecondsPerSecondOfVideo">Seconds of computing for a second of video, for the full-size network.</param>
/// <param name="Resolution">Pixels of a side of the face.</param>
/// <param name="Steps">Denoising steps.</param>
/// <param name="Guidance">Guidance scale.</param>
/// <param name="Speed">What it was calculated from.</param>
public sealed record SyncEstimate(double SecondsPerSecondOfVideo, int Resolution, int Steps, double Guidance, MachineSpeed Speed)
{
    /// <summary>Seconds of the clip that a verdict speaks of.</summary>
    public const int ClipSeconds = 10;

    /// <summary>A clip that takes longer than this many seconds is called slow.</summary>
    internal const double SlowClip = 30 * 60;

    /// <summary>Norms, activations, copies and frames take this much more time than the arithmetic alone. On 2 cores of a Zen 4 a guided
    /// step of 16 frames at 256 pixels took 53 s; its 3.2 + 4.9 TFLOP alone, at the rates measured there (213 and 159 GFLOP/s), 46
    /// s.</summary>
    private const double BesidesArithmetic = 53.0 / 45.8;

    /// <summary>On a GPU these networks move a byte for about this many operations in 16 bits. An assumption.</summary>
    private const double OperationsPerByteInHalf = 100;

    /// <summary>Of its bandwidth, what a GPU reaches in practice. An assumption.</summary>
    private const double ReachedBandwidth = 0.7;

    /// <summary>A guided step of a chunk calls the GPU some 2,000 times, which takes this many seconds whatever the GPU. An
    /// assumption.</summary>
    private const double SecondsOfCalls = 0.04;

    private const int ChunkFrames = 16;

    /// <summary>Where it computes: "cpu", "cuda:0" or "mps".</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Element type, "f32".</summary>
    public string DType { get; init; } = "f32";

    /// <summary>The true time lies between the estimate divided by this and the estimate times this.</summary>
    public double UncertaintyFactor { get; init; } = 1.5;

    /// <summary>The device's speed was measured; false: it was calculated from what is known of the device.</summary>
    public bool IsMeasured => Speed.IsMeasured;

    /// <summary>Seconds of computing for a clip of <see cref="ClipSeconds"/>.</summary>
    public double SecondsOfClip => ClipSeconds * SecondsPerSecondOfVideo;

    /// <summary>So long that a person should know before starting.</summary>
    public bool IsSlow => SecondsOfClip >= SlowClip;

    /// <summary>The estimate for the command's defaults.</summary>
    /// <param name="speed">How fast the device computes.</param>
    /// <param name="device">The device.</param>
    /// <param name="dtype">The element type.</param>
    public static SyncEstimate Of(MachineSpeed speed, AttentionDevice device = default, AttentionDType dtype = AttentionDType.Float32)
    {
        ArgumentNullException.ThrowIfNull(speed);
        const int resolution = 256,
            steps = 20;
        const double guidance = 1.5;
        FlopCount work = SyncCost.SecondOfVideo(UNet3DConfiguration.LatentSync15(), resolution, steps, guided: true);
        double seconds = work.Convolutions / speed.ConvolutionRate + work.Products / speed.ProductRate;
        bool isGpu = device.Kind is AttentionDeviceKind.Cuda or AttentionDeviceKind.Mps;
        if (isGpu)
        {
            double bytes = work.Total / OperationsPerByteInHalf * dtype.Size() / AttentionDType.Float16.Size();
            seconds +=
                (speed.Bandwidth is { } bandwidth ? bytes / (ReachedBandwidth * bandwidth) : (BesidesArithmetic - 1) * seconds)
                + steps * SyncCost.FramesPerSecond / (double)ChunkFrames * SecondsOfCalls;
        }
        else
        {
            seconds *= BesidesArithmetic;
        }
        return new SyncEstimate(seconds, resolution, steps, guidance, speed)
        {
            Device = device.ToString(),
            DType = dtype.ShortName(),
            UncertaintyFactor =
                isGpu ? (speed.IsMeasured ? 2 : 3)
                : speed.IsMeasured ? 1.5
                : 2,
        };
    }
}
