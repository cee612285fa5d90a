using LatentSync.Foundation.Faults;
using LatentSync.Weights.Catalogue;
using LatentSync.Weights.Faults;

namespace LatentSync.Weights.Transfer;

/// <summary>Tries again after a pause, until nothing has come for too many attempts.</summary>
internal sealed class Patience(TransferOptions options, RemoteFile file)
{
    private int _failures;

    /// <summary>Something came: the count begins anew.</summary>
    internal void Progressed() => _failures = 0;

    /// <summary>Waits before the next attempt.</summary>
    /// <exception cref="WeightsException">WGT0201: it was tried often enough.</exception>
    internal async Task AfterAsync(CutException cut, CancellationToken cancellationToken)
    {
        _failures++;
        if (_failures >= options.Attempts)
        {
            throw new WeightsException(
                "WGT0201",
                FaultKind.Failed,
                $"{file.Path} could not be fetched in {options.Attempts} attempts: {cut.Text}.",
                $"What is there is kept: the same command goes on from it.",
                cut
            );
        }
        TimeSpan pause = cut.After ?? options.FirstPause * Math.Pow(2, _failures - 1);
        if (pause > options.LongestPause)
        {
            pause = options.LongestPause;
        }
        if (pause > TimeSpan.Zero)
        {
            await Task.Delay(pause, options.Clock, cancellationToken);
        }
    }
}
