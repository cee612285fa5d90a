using LatentSync.Models.Loading;
using LatentSync.Training.Datasets;

namespace LatentSync.Training.Loops;

/// <summary>The videos that a configuration names, under the original's keys.</summary>
internal static class TrainingVideos
{
    /// <summary>The keys, all of section <c>data</c>.</summary>
    public static IReadOnlyList<string> Keys { get; } = ["train_fileslist", "train_data_dir", "val_fileslist", "val_data_dir"];

    /// <summary>The videos to train on.</summary>
    /// <param name="document">The file; its paths are meant from its folder.</param>
    /// <param name="data">Its section <c>data</c>.</param>
    /// <param name="instead">A folder or a list from the command line; null: as configured.</param>
    /// <exception cref="TrainingDataException">There are none.</exception>
    public static IReadOnlyList<string> Training(TrainingDocument document, ConfigurationReader data, string? instead) =>
        instead is null
            ? VideoList.Of(
                document.PathOf(data.Text("train_fileslist", string.Empty)),
                document.PathOf(data.Text("train_data_dir", string.Empty))
            )
            : VideoList.OfPath(instead);

    /// <summary>The videos to validate with; empty when none are configured.</summary>
    /// <param name="document">The file.</param>
    /// <param name="data">Its section <c>data</c>.</param>
    /// <exception cref="TrainingDataException">What is configured holds no videos.</exception>
    public static IReadOnlyList<string> Validation(TrainingDocument document, ConfigurationReader data)
    {
        (string list, string folder) = (data.Text("val_fileslist", string.Empty), data.Text("val_data_dir", string.Empty));
        return list.Length == 0 && folder.Length == 0 ? [] : VideoList.Of(document.PathOf(list), document.PathOf(folder));
    }
}
