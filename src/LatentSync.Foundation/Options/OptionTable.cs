using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Options;

/// <summary>All options of a record, read once from its properties: the one place that command lines, pages, interfaces, checks and keys
/// read.</summary>
/// <typeparam name="T">The record.</typeparam>
public sealed class OptionTable<T>
    where T : class
{
    private readonly Func<T> _make;

    /// <summary>Reads a record's options.</summary>
    /// <param name="make">Makes a record whose optional properties have their defaults.</param>
    /// <param name="choices">The table of each property that is a choice.</param>
    /// <exception cref="InvalidOperationException">A public property is not declared.</exception>
    public OptionTable(Func<T> make, IReadOnlyDictionary<string, IReadOnlyList<Choice>> choices)
    {
        ArgumentNullException.ThrowIfNull(make);
        ArgumentNullException.ThrowIfNull(choices);
        _make = make;
        T standard = make();
        All =
        [
            .. typeof(T).GetProperties(BindingFlags.Public | BindingFlags.Instance).Select(property => Read(property, standard, choices)),
        ];
    }

    /// <summary>The options in the order of the properties.</summary>
    public IReadOnlyList<OptionDeclaration> All { get; }

    /// <summary>One option.</summary>
    /// <param name="name">The property's name.</param>
    /// <exception cref="KeyNotFoundException">There is no such option.</exception>
    public OptionDeclaration this[string name] =>
        All.FirstOrDefault(option => option.Name == name) ?? throw new KeyNotFoundException($"{typeof(T).Name} has no option {name}.");

    /// <summary>Why the first wrong option cannot be used, and which one it is; null: each by itself can.</summary>
    /// <param name="options">The options.</param>
    public (Sentence Objection, string Name)? FindObjection(T options)
    {
        foreach (OptionDeclaration option in All)
        {
            if (option.Objection(option.Of(options)) is { } objection)
            {
                return (objection, option.Name);
            }
        }
        return null;
    }

    /// <summary>The values of the options that change generated pixels by themselves, as a text to make keys of.</summary>
    /// <param name="options">The options.</param>
    public string PixelKey(T options) =>
        string.Join(
            ';',
            All.Where(option => option.Effect == OptionEffect.Pixels)
                .Select(option => string.Create(CultureInfo.InvariantCulture, $"{option.Name}={option.Of(options)}"))
        );

    /// <summary>Makes a record.</summary>
    /// <param name="values">Values by property; the others have their defaults.</param>
    /// <exception cref="KeyNotFoundException">There is no such option.</exception>
    public T Build(IEnumerable<KeyValuePair<string, object?>> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        T options = _make();
        foreach ((string name, object? value) in values)
        {
            this[name].Set(options, value);
        }
        return options;
    }

    private static OptionDeclaration Read(PropertyInfo property, T standard, IReadOnlyDictionary<string, IReadOnlyList<Choice>> choices)
    {
        OptionAttribute declared =
            property.GetCustomAttribute<OptionAttribute>()
            ?? throw new InvalidOperationException($"{typeof(T).Name}.{property.Name} has no [Option(...)].");
        bool isRequired = property.GetCustomAttribute<RequiredMemberAttribute>() is not null;
        return new OptionDeclaration(
            property,
            declared,
            isRequired ? null : property.GetValue(standard),
            isRequired,
            choices.GetValueOrDefault(property.Name)
        );
    }
}
