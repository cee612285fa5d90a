using System.Runtime.CompilerServices;
using LatentSync.Media.Audio;
using static TorchSharp.torch;

namespace LatentSync.Training.Datasets;

/// <summary>What a StableSyncNet hears of clips; the spectrogram of each is computed once, as long as the clip is in memory.</summary>
internal sealed class SyncNetSpeech
{
    private readonly ConditionalWeakTable<FaceClip, SyncNetMel> _spectrograms = [];

    /// <summary>The spectrogram from a frame on.</summary>
    /// <param name="clip">The clip.</param>
    /// <param name="frame">Where it begins.</param>
    /// <param name="columns">How much of it.</param>
    /// <returns>(1, 80, columns), float32, in main memory.</returns>
    /// <exception cref="TrainingDataException">The speech ends before.</exception>
    public Tensor Window(FaceClip clip, int frame, int columns)
    {
        SyncNetMel mel = _spectrograms.GetValue(clip, c => SyncNetMelSpectrogram.Compute(c.Speech));
        float[] heard = new float[SyncNetMel.Bands * columns];
        // A clip's frames end where its speech does, so that only a network that hears longer than it sees can want more.
        return mel.TryCopyWindow(SyncNetMel.StartColumn(frame), columns, heard)
            ? tensor(heard, [1, SyncNetMel.Bands, columns])
            : throw new TrainingDataException(
                $"The speech of {clip.Path} ends before the {columns} columns of frame {frame}: num_frames and the spectrogram's columns do not fit each other.",
                clip.Path
            );
    }
}
