using System.Globalization;
using System.Text.Json;
using LatentSync.Foundation.Wording;
using LatentSync.Weights.Catalogue;
using LatentSync.Weights.Fetching;

namespace LatentSync.Cli.Display;

/// <summary>Weights as people and machines read them.</summary>
internal static class ModelsDisplay
{
    /// <summary>Shows how far each file is.</summary>
    public static IProgress<FetchProgress> Progress(IProgress<ProgressLine> sink) => new Lines(sink);

    /// <summary>All packages, and what is present.</summary>
    public static void WriteList(WeightCatalogue catalogue, string folder, bool isJson)
    {
        PackagePresence[] packages = [.. catalogue.Packages.Select(package => PackagePresence.Of(catalogue, package, folder))];
        if (isJson)
        {
            object list = new { Folder = Path.GetFullPath(folder), Models = packages.Select(p => Row(catalogue, p)).ToArray() };
            Console.Out.WriteLine(JsonSerializer.Serialize(list, JsonOutput.Options));
            return;
        }
        Console.Out.WriteLine(
            Say.In("Weights, and what is in ", "权重，以及所在文件夹：") + PrintableText.Escape(Path.GetFullPath(folder))
        );
        int width = packages.Max(p => Columns.Width(p.Package.Name)) + 2;
        foreach (PackagePresence p in packages)
        {
            string licence = p.Package.Licence.IsRestricted
                ? p.Package.Licence.Name + Say.In(" (needs --accept-licence)", "（需要 --accept-licence）")
                : p.Package.Licence.Name;
            Console.Out.WriteLine();
            Console.Out.WriteLine($"{Columns.Pad(PrintableText.Escape(p.Package.Name), width)}{State(p)}");
            string[] details =
            [
                p.Package.Title,
                $"{SizeOf(catalogue, p.Package.Name)}; {Say.In("licence", "许可")}: {licence}; {Say.In("from", "来源")} {p.Package.Source}",
            ];
            foreach (string line in details.SelectMany(d => Columns.Wrap(PrintableText.Escape(d), (TerminalWidth.OfOutput ?? 140) - 2)))
            {
                Console.Out.WriteLine("  " + line);
            }
        }
        Console.Out.WriteLine();
        Console.Out.WriteLine(Say.In("Fetch: latentsync models get NAME", "下载：latentsync models get NAME"));
    }

    /// <summary>What was fetched.</summary>
    public static void WriteFetched(IReadOnlyList<FetchedFile> files, string folder, bool isJson)
    {
        if (isJson)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(new { Folder = Path.GetFullPath(folder), Files = files }, JsonOutput.Options));
            return;
        }
        foreach (FetchedFile file in files)
        {
            string origin = file.Origin switch
            {
                FetchOrigin.Present => Say.In("was there", "已存在"),
                FetchOrigin.Cache => Say.In("from the hub's cache", "来自本机缓存"),
                _ => Say.In("fetched", "已下载"),
            };
            string proof = file.IsVerified
                ? Say.In("SHA-256 verified", "SHA-256 已验证")
                : Say.In("nobody names its SHA-256", "没有可比对的 SHA-256");
            Console.Out.WriteLine($"{file.Path}: {Megabytes(file.Bytes)}, {origin}, {proof}");
        }
        Console.Out.WriteLine(Say.In("in ", "文件夹：") + PrintableText.Escape(Path.GetFullPath(folder)));
    }

    /// <summary>"5.5 GB", "about 5.5 GB", "over 5.5 GB", "unknown size".</summary>
    public static string SizeOf(WeightCatalogue catalogue, string name)
    {
        (long bytes, bool isWhole, bool isExact) = PackagePresence.SizeOf(catalogue, name);
        return (bytes, isWhole, isExact) switch
        {
            (0, _, _) => Say.In("unknown size", "大小未知"),
            (_, false, _) => Say.In("at least about ", "至少约 ") + Megabytes(bytes),
            (_, _, false) => Say.In("about ", "约 ") + Megabytes(bytes),
            _ => Megabytes(bytes),
        };
    }

    private static string State(PackagePresence presence) =>
        presence.IsComplete ? Say.In("present", "已有")
        : presence.Present.Count == 0 ? Say.In("not here", "没有")
        : Say.In("incomplete, lacks ", "不完整，缺少 ") + string.Join(", ", presence.Missing);

    private static object Row(WeightCatalogue catalogue, PackagePresence p)
    {
        (long bytes, bool isWhole, bool isExact) = PackagePresence.SizeOf(catalogue, p.Package.Name);
        return new
        {
            p.Package.Name,
            p.Package.Title,
            p.IsComplete,
            p.Present,
            p.Missing,
            Bytes = isExact ? bytes : (long?)null,
            AboutBytes = isWhole ? bytes : (long?)null,
            Licence = p.Package.Licence.Name,
            p.Package.Licence.IsRestricted,
            p.Package.Licence.Terms,
            p.Package.Source,
            p.Package.Includes,
        };
    }

    private static string Megabytes(long bytes) =>
        bytes switch
        {
            >= 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB"),
            >= 100_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes"),
        };

    private sealed class Lines(IProgress<ProgressLine> sink) : IProgress<FetchProgress>
    {
        private const int Unit = 1_000_000;

        public void Report(FetchProgress value)
        {
            if (value.Stage is FetchStage.Fetch or FetchStage.Done)
            {
                long total = Rounded(value.Stage == FetchStage.Done ? value.Bytes : value.Total ?? 0);
                bool isEnd = value.Stage == FetchStage.Done || (value.Total is { } all && value.Bytes >= all);
                long done = isEnd ? total : Math.Min(value.Bytes / Unit, Math.Max(total - 1, 0));
                sink.Report(
                    new ProgressLine(value.Path, value.Total is null && !isEnd ? value.Bytes / Unit : done, total == 0 ? null : total, "MB")
                );
            }
            else if (value.Stage == FetchStage.Wait)
            {
                sink.Report(new ProgressLine(value.Path, 0, null, Say.In("MB, another process fetches it", "MB，另一个进程正在下载")));
            }
        }

        private static long Rounded(long bytes) => (bytes + Unit - 1) / Unit;
    }
}
