using System.CommandLine;
using LatentSync.Cli.Display;
using LatentSync.Foundation.Faults;
using LatentSync.Weights.Catalogue;
using LatentSync.Weights.Faults;
using LatentSync.Weights.Fetching;
using LatentSync.Weights.Hub;
using LatentSync.Weights.Transfer;

namespace LatentSync.Cli.Commands;

/// <summary>`latentsync models` and `latentsync models get`.</summary>
internal static class ModelsCommand
{
    /// <summary>Where `sync` looks when no checkpoint is named.</summary>
    public const string DefaultFolder = "checkpoints";

    private static readonly Option<string> Out = new("--out", "-o", "--to")
    {
        Description = "folder of the weights; \"checkpoints\" is where sync looks",
        DefaultValueFactory = _ => DefaultFolder,
        HelpName = "DIR",
        Recursive = true,
    };
    private static readonly Option<string?> CatalogueFile = new("--catalogue")
    {
        Description = "JSON file with more packages, of the form that docs/weights.md describes",
        HelpName = "FILE",
        Recursive = true,
    };
    private static readonly Option<bool> Json = new("--json") { Description = "print the result as JSON", Recursive = true };
    private static readonly Option<bool> AcceptLicence = new("--accept-licence")
    {
        Description = "accept licences that restrict the use, such as non-commercial ones",
    };
    private static readonly Argument<string[]> Names = new("NAME")
    {
        Description = "packages, as latentsync models lists them",
        Arity = ArgumentArity.OneOrMore,
    };

    public static Command Create()
    {
        TeachingCommand command = new(
            "models",
            "Lists the weights there are and which are present; fetches them.",
            """
            Examples:
              latentsync models                                     what there is, what is here, size, licence, source
              latentsync models get latentsync-1.5                  a complete checkpoint folder, where sync looks for it

            latentsync help models get says how fetching works.
            """
        )
        {
            Out,
            CatalogueFile,
            Json,
            CreateGet(),
        };
        command.SetAction(List);
        return command;
    }

    private static TeachingCommand CreateGet()
    {
        TeachingCommand command = new(
            "get",
            "Fetches weights with all that belongs to them.",
            """
            Examples:
              latentsync models get latentsync-1.6
              latentsync models get latentsync-1.5 --out weights/1.5
              latentsync models get insightface --accept-licence
              latentsync models get mine --catalogue mine.json

            A cut or cancelled fetch goes on when the same command is typed again. Each file is verified by the SHA-256 that the catalogue
            or the server names, and takes its place when it is whole. A file that is there is never replaced.

            HF_ENDPOINT names a mirror, HF_TOKEN your token (sent to that host only), HF_HUB_OFFLINE=1 forbids the network. Files in the
            hub's own cache (HF_HOME, HF_HUB_CACHE) are copied. HTTPS_PROXY, HTTP_PROXY and NO_PROXY are obeyed.
            """
        )
        {
            Names,
            AcceptLicence,
        };
        command.SetAction(GetAsync);
        return command;
    }

    /// <summary>Fetches packages and shows how far it is.</summary>
    public static async Task<IReadOnlyList<FetchedFile>> FetchAsync(
        WeightCatalogue catalogue,
        string[] names,
        string folder,
        bool acceptsLicence,
        CancellationToken cancellationToken
    )
    {
        WeightFetcher fetcher = new(catalogue, HubSettings.Of(Environment.GetEnvironmentVariable), new TransferOptions());
        using ProgressDisplay display = new();
        return await display.RunAsync(sink =>
            fetcher.FetchAsync(names, folder, acceptsLicence, ModelsDisplay.Progress(sink), cancellationToken)
        );
    }

    private static int List(ParseResult parsed)
    {
        ModelsDisplay.WriteList(Catalogue(parsed), Folder(parsed), parsed.GetValue(Json));
        return ExitCode.Done;
    }

    private static async Task<int> GetAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        string folder = Folder(parsed);
        IReadOnlyList<FetchedFile> files = await FetchAsync(
            Catalogue(parsed),
            parsed.GetRequiredValue(Names),
            folder,
            parsed.GetValue(AcceptLicence),
            cancellationToken
        );
        ModelsDisplay.WriteFetched(files, folder, parsed.GetValue(Json));
        return ExitCode.Done;
    }

    private static WeightCatalogue Catalogue(ParseResult parsed) =>
        parsed.GetValue(CatalogueFile) is { } file ? WeightCatalogue.Default.With(file) : WeightCatalogue.Default;

    private static string Folder(ParseResult parsed) =>
        parsed.GetRequiredValue(Out) is { Length: > 0 } folder
            ? folder
            : throw new WeightsException("WGT0106", FaultKind.Input, $"⟦OutputFolder⟧ names no folder.");
}
