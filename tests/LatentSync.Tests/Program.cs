using LatentSync.Tests.Chunks;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

namespace LatentSync.Tests;

/// <summary>Runs the tests or, started as "child ...", computes a chunk as another machine would.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        if (args is ["child", ..])
        {
            return await ChunkChild.RunAsync(args[1..]);
        }
        return args.Contains("--server") || args.Contains("--internal-msbuild-node")
            ? await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions)
            : await ConsoleRunner.Run(args);
    }
}
