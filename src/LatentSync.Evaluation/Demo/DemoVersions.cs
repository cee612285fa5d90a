using System.Reflection;
using System.Runtime.InteropServices;
using LatentSync.Media.Video.Tools;

namespace LatentSync.Evaluation.Demo;

/// <summary>Names and versions of what takes part in a run.</summary>
internal static class DemoVersions
{
    public static IReadOnlyDictionary<string, string> Describe(FfmpegTools tools) =>
        new Dictionary<string, string>
        {
            ["LatentSync.NET"] = Of(typeof(DemoVersions)),
            [".NET"] = Environment.Version.ToString(),
            ["TorchSharp"] = Of(typeof(TorchSharp.torch)),
            ["SkiaSharp"] = Of(typeof(SkiaSharp.SKCanvas)),
            ["ffmpeg"] = tools.Version,
            ["system"] = RuntimeInformation.RuntimeIdentifier,
        };

    private static string Of(Type type)
    {
        string version =
            type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
            ?? type.Assembly.GetName().Version?.ToString()
            ?? "unknown";
        int build = version.IndexOf('+', StringComparison.Ordinal);
        return build < 0 ? version : version[..build];
    }
}
