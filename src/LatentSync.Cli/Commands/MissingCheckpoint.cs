using LatentSync.Cli.Display;
using LatentSync.Foundation.Faults;
using LatentSync.Foundation.Wording;
using LatentSync.Weights.Catalogue;
using LatentSync.Weights.Faults;

namespace LatentSync.Cli.Commands;

/// <summary>A `sync` without a checkpoint: says what to type and how much comes, and on a terminal offers to do it.</summary>
internal static class MissingCheckpoint
{
    private const string Package = "latentsync-1.5";

    /// <summary>There is no such folder, or nothing is in it. A folder that lacks something is told of by the run itself.</summary>
    public static bool Is(string folder) => !Directory.Exists(folder) || !Directory.EnumerateFileSystemEntries(folder).Any();

    /// <summary>Fetches a checkpoint if the user wants it.</summary>
    /// <param name="folder">The checkpoint folder.</param>
    /// <param name="mayAsk">The answer is for people.</param>
    /// <param name="cancellationToken">Cancels a fetch.</param>
    /// <exception cref="WeightsException">WGT0107: nobody was asked, or does not want it; with what to type.</exception>
    public static async Task FetchOrSayAsync(string folder, bool mayAsk, CancellationToken cancellationToken)
    {
        string command = $"latentsync models get {Package}" + (folder == ModelsCommand.DefaultFolder ? "" : $" --out \"{folder}\"");
        string size = ModelsDisplay.SizeOf(WeightCatalogue.Default, Package);
        if (mayAsk && !Console.IsInputRedirected && !Console.IsOutputRedirected && Asks(folder, size))
        {
            await ModelsCommand.FetchAsync(WeightCatalogue.Default, [Package], folder, acceptsLicence: false, cancellationToken);
            return;
        }
        string where = PrintableText.Quote(Path.GetFullPath(folder));
        throw new WeightsException(
            "WGT0107",
            FaultKind.Input,
            $"The checkpoint folder {where} does not exist or is empty.",
            $"To fetch LatentSync 1.5 ({size}, licence OpenRAIL++), type: {command} (or try --checkpoint demo, which only knows drawn faces)"
        );
    }

    private static bool Asks(string folder, string size)
    {
        Console.Error.Write(
            Say.In(
                $"There are no weights in {folder}. Fetch LatentSync 1.5 ({size}, licence OpenRAIL++) now? [y/N] ",
                $"{folder} 中没有权重。现在下载 LatentSync 1.5（{size}，许可 OpenRAIL++）吗？[y/N] "
            )
        );
        return Console.In.ReadLine()?.Trim().ToLowerInvariant() is "y" or "yes" or "是";
    }
}
