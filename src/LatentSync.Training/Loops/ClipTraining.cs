using LatentSync.Training.Datasets;

namespace LatentSync.Training.Loops;

/// <summary>What all trainings on videos have in common: the libraries, decoding beside the first steps, and naming what was
/// skipped.</summary>
internal static class ClipTraining
{
    /// <summary>Opens the videos, makes the task, and trains.</summary>
    /// <param name="videos">To train on.</param>
    /// <param name="validationVideos">To validate with; empty: no validation.</param>
    /// <param name="decoding">How videos are decoded and kept.</param>
    /// <param name="create">Makes the task of the library and that of the validation, null where there is none.</param>
    /// <param name="options">Of the loop.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Stops after the current batch and saves.</param>
    /// <exception cref="TrainingDataException">There are no usable videos.</exception>
    /// <exception cref="TrainingException">The training cannot start or go on.</exception>
    public static TrainingReport Run(
        IReadOnlyList<string> videos,
        IReadOnlyList<string> validationVideos,
        FaceClipLibraryOptions decoding,
        Func<FaceClipLibrary, FaceClipLibrary?, ITrainingTask> create,
        TrainingLoopOptions options,
        IProgress<TrainingProgress>? progress,
        CancellationToken cancellationToken
    )
    {
        FaceClipLibrary Open(IReadOnlyList<string> paths) =>
            FaceClipLibrary.OpenAsync(paths, decoding, cancellationToken).GetAwaiter().GetResult();
        using FaceClipLibrary library = Open(videos);
        using FaceClipLibrary? validation = validationVideos.Count == 0 ? null : Open(validationVideos);
        using ITrainingTask task = create(library, validation);
        using ClipDecoding ahead = ClipDecoding.Begin(library);
        TrainingReport report = new TrainingLoop(options).Run(task, progress, cancellationToken);
        return report with { SkippedVideos = library.Skipped };
    }
}
