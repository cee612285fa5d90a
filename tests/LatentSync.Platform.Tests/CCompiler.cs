using System.Diagnostics;

namespace LatentSync.Platform.Tests;

/// <summary>Makes small libraries with gcc, where there is one.</summary>
internal static class CCompiler
{
    public static bool IsThere { get; } =
        OperatingSystem.IsLinux()
        && (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "gcc")));

    public static void SkipUnlessThere() => Assert.SkipUnless(IsThere, "gcc is not installed, so no small library can be made.");

    /// <summary>Compiles C to a shared library.</summary>
    public static string Library(TestFolder folder, string name, string code, params string[] options)
    {
        string source = folder.Write(Path.ChangeExtension(name, ".c"), code),
            library = folder.At(name);
        var start = new ProcessStartInfo("gcc") { RedirectStandardError = true };
        string[] arguments = ["-shared", "-fPIC", "-o", library, source, .. options];
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }
        using Process process = Process.Start(start)!;
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error);
        return library;
    }
}
