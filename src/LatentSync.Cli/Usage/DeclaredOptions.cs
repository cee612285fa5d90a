using System.CommandLine;
using LatentSync.Foundation.Options;

namespace LatentSync.Cli.Usage;

/// <summary>All options of a library's record as a command takes them, in the record's order.</summary>
/// <typeparam name="T">The record.</typeparam>
/// <param name="table">What the library declares.</param>
/// <param name="own">The option that the command makes itself for a declaration; null: the usual one.</param>
internal sealed class DeclaredOptions<T>(OptionTable<T> table, Func<OptionDeclaration, Option?> own)
    where T : class
{
    private readonly (OptionDeclaration Declared, Option Option)[] _all =
    [
        .. table.All.Select(declared => (declared, own(declared) ?? DeclaredOption.Of(declared))),
    ];

    /// <summary>Gives a command these options.</summary>
    /// <param name="command">The command.</param>
    public void AddTo(Command command)
    {
        foreach ((_, Option option) in _all)
        {
            command.Options.Add(option);
        }
    }

    /// <summary>What a command line says.</summary>
    /// <param name="parsed">The command line.</param>
    public T Read(ParseResult parsed) =>
        table.Build(_all.Select(pair => KeyValuePair.Create(pair.Declared.Name, DeclaredOption.Value(parsed, pair.Option))));
}
