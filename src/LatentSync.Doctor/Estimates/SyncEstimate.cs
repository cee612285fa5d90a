using LatentSync.Models.UNets;

namespace LatentSync.Doctor.Estimates;

/// <summary>How fast a machine computes, as measured in about a second.</summary>
/// <param name="ConvolutionRate">Operations per second of a 3x3 convolution of the network's own size.</param>
/// <param name="ProductRate">Operations per second of a matrix product of 1024.</param>
public sealed record MachineSpeed(double ConvolutionRate, double ProductRate);

/// <summary>How long a lip-sync takes on this machine: an estimate from a measurement of a second.</summary>
/// <param name="SecondsPerSecondOfVideo">Seconds of computing for a second of video, for the full-size network.</param>
/// <param name="Resolution">Pixels of a side of the face.</param>
/// <param name="Steps">Denoising steps.</param>
/// <param name="Guidance">Guidance scale.</param>
/// <param name="Speed">What was measured.</param>
public sealed record SyncEstimate(double SecondsPerSecondOfVideo, int Resolution, int Steps, double Guidance, MachineSpeed Speed)
{
    /// <summary>Norms, activations, copies and frames take this much more time than the arithmetic alone. On 2 cores of a Zen 4 a guided
    /// step of 16 frames at 256 pixels took 53 s; its 3.2 + 4.9 TFLOP alone, at the rates measured there (213 and 159 GFLOP/s), 46
    /// s.</summary>
    private const double BesidesArithmetic = 53.0 / 45.8;

    /// <summary>The estimate for the command's defaults.</summary>
    /// <param name="speed">The measured speed.</param>
    public static SyncEstimate Of(MachineSpeed speed)
    {
        ArgumentNullException.ThrowIfNull(speed);
        const int resolution = 256,
            steps = 20;
        const double guidance = 1.5;
        FlopCount work = SyncCost.SecondOfVideo(UNet3DConfiguration.LatentSync15(), resolution, steps, guided: true);
        double seconds = BesidesArithmetic * (work.Convolutions / speed.ConvolutionRate + work.Products / speed.ProductRate);
        return new SyncEstimate(seconds, resolution, steps, guidance, speed);
    }
}
