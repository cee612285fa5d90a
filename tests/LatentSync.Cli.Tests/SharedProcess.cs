namespace LatentSync.Cli.Tests;

/// <summary>Tests that change what the whole process shares: its language, its standard output and error. They run alone, after all
/// others.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class SharedProcess
{
    /// <summary>Name of the collection.</summary>
    public const string Name = "what the process shares";
}
