using LatentSync.Media.Synthesis.Numbers;

namespace LatentSync.Media.Synthesis.Voices;

/// <summary>A second-order digital resonator: one formant.</summary>
/// <remarks>Klatt (1980), equations 1-2: y = A x + B y' + C y'', unit gain at 0 Hz.</remarks>
internal struct Resonator
{
    private double _a;
    private double _b;
    private double _c;
    private double _last;
    private double _beforeLast;

    /// <summary>Moves the resonance; what rings goes on ringing.</summary>
    /// <param name="frequency">Centre in Hz, below half the sample rate.</param>
    /// <param name="bandwidth">Width at -3 dB in Hz.</param>
    /// <param name="sampleRate">In Hz.</param>
    public void Tune(double frequency, double bandwidth, double sampleRate)
    {
        double radius = PortableMath.Exp(-Math.PI * bandwidth / sampleRate);
        _c = -radius * radius;
        _b = 2 * radius * PortableMath.Cos(2 * Math.PI * frequency / sampleRate);
        _a = 1 - _b - _c;
    }

    /// <summary>Lets everything through unchanged.</summary>
    public void Bypass() => (_a, _b, _c) = (1, 0, 0);

    /// <summary>The next sample.</summary>
    public double Next(double input)
    {
        double output = _a * input + _b * _last + _c * _beforeLast;
        _beforeLast = _last;
        _last = output;
        return output;
    }
}
