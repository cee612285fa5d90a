namespace LatentSync.Doctor.Estimates;

/// <summary>How fast a device computes.</summary>
/// <param name="ConvolutionRate">Operations per second of a 3x3 convolution.</param>
/// <param name="ProductRate">Operations per second of a matrix product.</param>
public sealed record MachineSpeed(double ConvolutionRate, double ProductRate)
{
    /// <summary>Bytes per second of the device's memory. null (default): the time of moving data is a share of the arithmetic's, as on a
    /// processor.</summary>
    public double? Bandwidth { get; init; }

    /// <summary>The rates were measured on the device; false: they were calculated from what is known of it.</summary>
    public bool IsMeasured { get; init; } = true;
}
