using LatentSync.Foundation.Wording;

namespace LatentSync.Doctor.Tests;

/// <summary>Tests that read sentences share the language of the process, so they run one after another.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class LanguageCollection
{
    public const string Name = "language of the process";
}

/// <summary>A language for one test.</summary>
internal sealed class LanguageScope : IDisposable
{
    private readonly IDisposable _scope;

    public LanguageScope(Language language) => _scope = Audience.Use(language);

    public void Dispose() => _scope.Dispose();
}
