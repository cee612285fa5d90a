using LatentSync.Cli.Usage;
using LatentSync.Foundation.Wording;

namespace LatentSync.Cli.Tests;

/// <summary>Catches what the process writes, and speaks a language meanwhile. For tests of <see cref="SharedProcess"/>.</summary>
internal sealed class SpokenTo : IDisposable
{
    private readonly TextWriter _output = Console.Out,
        _errors = Console.Error;
    private readonly StringWriter _caughtOutput = new(),
        _caughtErrors = new();

    private readonly IDisposable _scope;

    public SpokenTo(Language language = Language.English)
    {
        _scope = Audience.Use(new Audience(language, new CommandLineVocabulary()));
        Console.SetOut(_caughtOutput);
        Console.SetError(_caughtErrors);
    }

    public string Output => _caughtOutput.ToString();

    public string Errors => _caughtErrors.ToString();

    public void Dispose()
    {
        Console.SetOut(_output);
        Console.SetError(_errors);
        _scope.Dispose();
    }
}
