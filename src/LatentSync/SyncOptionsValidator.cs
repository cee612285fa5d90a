using LatentSync.Chunks;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Options;
using LatentSync.Foundation.Wording;
using LatentSync.Media.Video.Reading;

namespace LatentSync;

/// <summary>Checks options before any work begins: each by its declaration, then what they say together.</summary>
internal static class SyncOptionsValidator
{
    /// <summary>Throws on the first option that cannot be used.</summary>
    /// <exception cref="SyncOptionsException">Names the option, the value and what is allowed.</exception>
    public static void Check(SyncOptions options)
    {
        SyncOptionsException.ThrowIfWrong(SyncOptions.Table, options);
        if (!MatteColour.TryParse(options.MatteColour, out _))
        {
            throw new SyncOptionsException(
                $"⟦MatteColour⟧ must be {string.Join(", ", MatteColour.Names)} or #rrggbb, not {PrintableText.Quote(options.MatteColour)}.",
                nameof(options.MatteColour)
            );
        }
        if (options is { Resume: true, Seed: -1 })
        {
            throw new SyncOptionsException(
                $"⟦Resume⟧ needs a fixed ⟦Seed⟧: with -1 every run picks another one, so no finished chunk could be reused.",
                nameof(options.Seed)
            );
        }
        CheckOutput(options);
    }

    private static void CheckOutput(SyncOptions options)
    {
        try
        {
            _ = OutputPath.File(options.OutputPath);
            FileOverlap.Refuse(Inputs(options), [new NamedPath("⟦OutputPath⟧", options.OutputPath)]);
        }
        catch (OutputIsInputException overlap)
        {
            throw new SyncOptionsException(overlap.Text, nameof(options.OutputPath));
        }
        catch (OutputPathException wrong)
        {
            throw new SyncOptionsException($"⟦OutputPath⟧: {wrong.Text}", nameof(options.OutputPath));
        }
        string store = new ChunkStore(options.OutputPath).Folder;
        if (options.Resume && FileStatus.Of(store) is { Kind: not FileKind.Folder })
        {
            throw new SyncOptionsException(
                $"⟦Resume⟧ keeps finished chunks in the folder {PrintableText.Quote(store)}, but a file of that name is there: move it away.",
                nameof(options.Resume)
            );
        }
    }

    /// <summary>Everything that a run reads, as its user names it.</summary>
    private static NamedPath[] Inputs(SyncOptions options) =>
        [
            .. SyncOptions
                .Table.All.Where(option => option.Text is OptionText.InputFile or OptionText.InputFolder)
                .Select(option => new NamedPath($"⟦{option.Name}⟧", (string?)option.Of(options))),
        ];
}
