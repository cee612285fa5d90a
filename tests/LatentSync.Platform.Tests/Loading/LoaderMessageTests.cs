using LatentSync.Platform.Loading;

namespace LatentSync.Platform.Tests.Loading;

public sealed class LoaderMessageTests
{
    private const string Preamble =
        "Unable to load shared library '/app/x.so' or one of its dependencies. In order to help diagnose loading problems, consider using a tool like strace.\n";

    [Theory]
    [InlineData(
        "/lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /app/libLibTorchSharp.so)",
        NativeLoadCause.SymbolVersionMissing,
        "GLIBCXX_3.4.32",
        "/app/libLibTorchSharp.so"
    )]
    [InlineData(
        "libgomp.so.1: cannot open shared object file: No such file or directory",
        NativeLoadCause.DependencyMissing,
        "libgomp.so.1",
        null
    )]
    [InlineData("/app/x.so: undefined symbol: _ZN2at4copyEv, version X_1", NativeLoadCause.SymbolMissing, "_ZN2at4copyEv", "/app/x.so")]
    [InlineData("/app/x.so: undefined symbol: _ZN2at4copyEv", NativeLoadCause.SymbolMissing, "_ZN2at4copyEv", "/app/x.so")]
    [InlineData("/app/x.so: wrong ELF class: ELFCLASS32", NativeLoadCause.WrongArchitecture, "/app/x.so", null)]
    [InlineData("/app/x.so: invalid ELF header", NativeLoadCause.FileDamaged, "/app/x.so", null)]
    [InlineData("/app/x.so: file too short", NativeLoadCause.FileDamaged, "/app/x.so", null)]
    [InlineData("/app/x.so: failed to map segment from shared object: Operation not permitted", NativeLoadCause.Refused, "/app/x.so", null)]
    [InlineData("/app/x.so: cannot open shared object file: Permission denied", NativeLoadCause.Refused, "/app/x.so", null)]
    [InlineData(
        "Error loading shared library libgomp.so.1: No such file or directory (needed by /app/x.so)",
        NativeLoadCause.DependencyMissing,
        "libgomp.so.1",
        null
    )]
    public void Parse_LinesOfTheLoader_GivesCauseAndSubject(string line, NativeLoadCause cause, string subject, string? requiredBy)
    {
        LoaderMessage? message = LoaderMessage.Parse(Preamble + line);

        Assert.NotNull(message);
        Assert.Equal((cause, subject, requiredBy), (message.Cause, message.Subject, message.RequiredBy));
    }

    [Fact]
    public void Parse_SeveralAttempts_TheTrueCauseCountsMoreThanMissingVariations()
    {
        string text =
            Preamble
            + "/app/x.so.so: cannot open shared object file: No such file or directory\n/app/x.so: file too short\nlibx: cannot open shared object file: No such file or directory";

        Assert.Equal(NativeLoadCause.FileDamaged, LoaderMessage.Parse(text)!.Cause);
    }

    [Fact]
    public void Parse_UnknownText_IsNull() => Assert.Null(LoaderMessage.Parse("something else happened"));
}
