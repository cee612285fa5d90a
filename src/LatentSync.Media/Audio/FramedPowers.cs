using Vec = System.Numerics.Vector<double>;

namespace LatentSync.Media.Audio;

/// <summary>Power spectra of overlapping frames of one signal, several frames at once: two in each complex transform, one pair in each
/// vector lane.</summary>
internal sealed class FramedPowers
{
    private readonly LaneFft _transform;
    private readonly double[] _window;
    private readonly int _hop;
    private readonly int _offset;

    /// <summary>Prepares frames of one kind.</summary>
    /// <param name="fftLength">Samples of a transform: a product of 2, 3 and 5.</param>
    /// <param name="window">At most so many factors; a frame has so many samples, zeros follow.</param>
    /// <param name="hop">Samples between frames.</param>
    /// <param name="offset">Where the first frame begins: -n for frames that begin n samples before the signal.</param>
    public FramedPowers(int fftLength, double[] window, int hop, int offset)
    {
        _transform = new LaneFft(fftLength);
        (_window, _hop, _offset) = (window, hop, offset);
        Bins = fftLength / 2 + 1;
    }

    /// <summary>Bins of a spectrum.</summary>
    public int Bins { get; }

    /// <summary>Computes |X|² of frame after frame.</summary>
    /// <param name="signal">The signal; zero outside.</param>
    /// <param name="frames">How many.</param>
    /// <param name="store">Receives the index of the first frame, how many frames there are, and their bins, one frame a lane.</param>
    public void Compute(ReadOnlySpan<double> signal, int frames, Action<int, int, Vec[]> store)
    {
        int lanes = Vec.Count;
        var real = new Vec[_transform.Length];
        var imaginary = new Vec[_transform.Length];
        var workReal = new Vec[_transform.Length];
        var workImaginary = new Vec[_transform.Length];
        var firstPower = new Vec[Bins];
        var secondPower = new Vec[Bins];
        for (int first = 0; first < frames; first += 2 * lanes)
        {
            Gather(signal, first, real);
            Gather(signal, first + lanes, imaginary);
            _transform.Forward(real, imaginary, workReal, workImaginary);
            _transform.SeparatePowers(real, imaginary, firstPower, secondPower);
            store(first, Math.Min(lanes, frames - first), firstPower);
            if (first + lanes < frames)
            {
                store(first + lanes, Math.Min(lanes, frames - first - lanes), secondPower);
            }
        }
    }

    // Lane l of target[n] = window[n] · sample n of frame (first + l).
    private void Gather(ReadOnlySpan<double> signal, int first, Vec[] target)
    {
        Span<double> lane = stackalloc double[Vec.Count];
        for (int n = 0; n < _window.Length; n++)
        {
            for (int l = 0; l < lane.Length; l++)
            {
                long at = (long)(first + l) * _hop + n + _offset;
                lane[l] = at >= 0 && at < signal.Length ? signal[(int)at] : 0;
            }
            target[n] = new Vec(lane) * _window[n];
        }
        target.AsSpan(_window.Length).Clear();
    }
}
