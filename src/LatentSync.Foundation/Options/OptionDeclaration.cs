using System.Globalization;
using System.Reflection;
using LatentSync.Foundation.Files;
using LatentSync.Foundation.Wording;

namespace LatentSync.Foundation.Options;

/// <summary>One option, read from its property.</summary>
public sealed class OptionDeclaration
{
    private static readonly HashSet<Type> Numbers = [typeof(int), typeof(long), typeof(double)];

    private readonly PropertyInfo _property;
    private readonly OptionAttribute _declared;

    internal OptionDeclaration(
        PropertyInfo property,
        OptionAttribute declared,
        object? standard,
        bool isRequired,
        IReadOnlyList<Choice>? choices
    )
    {
        (_property, _declared, Default, IsRequired, Choices) = (property, declared, standard, isRequired, choices);
        ValueType = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
    }

    /// <summary>The property's name.</summary>
    public string Name => _property.Name;

    /// <summary>int, long, double, bool or string.</summary>
    public Type ValueType { get; }

    /// <summary>What it is for, in a few words.</summary>
    public string Help => _declared.Help;

    /// <summary>How it changes generated pixels.</summary>
    public OptionEffect Effect => _declared.Effect;

    /// <summary>What its text names.</summary>
    public OptionText Text => _declared.Text;

    /// <summary>The least number; negative infinity: none.</summary>
    public double Least => _declared.Least;

    /// <summary>The largest number; infinity: none.</summary>
    public double Most => _declared.Most;

    /// <summary>Numbers must be multiples of this.</summary>
    public int MultipleOf => _declared.MultipleOf;

    /// <summary>What is counted or measured; null: a plain number.</summary>
    public string? Unit => _declared.Unit;

    /// <summary>The words it may be; null: it is no choice.</summary>
    public IReadOnlyList<Choice>? Choices { get; }

    /// <summary>The value where none is given; null: none, or it is settled later.</summary>
    public object? Default { get; }

    /// <summary>A value has to be given.</summary>
    public bool IsRequired { get; }

    /// <summary>null is a value.</summary>
    public bool IsNullable => !IsRequired && Default is null;

    /// <summary>The value.</summary>
    /// <param name="options">The record.</param>
    public object? Of(object options) => _property.GetValue(options);

    /// <summary>Why a value cannot be used; null: it can.</summary>
    /// <param name="value">The value, of the property's type.</param>
    public Sentence? Objection(object? value) =>
        value switch
        {
            null => IsNullable ? null : Needed(),
            string text when Choices is { } choices => NotChosen(text, choices),
            string text when Text != OptionText.Any => NoPath(text),
            string text => string.IsNullOrWhiteSpace(text) ? (Sentence)$"{Reference} is empty." : null,
            IConvertible number when Numbers.Contains(ValueType) => OutOfRange(number.ToDouble(CultureInfo.InvariantCulture)),
            _ => null,
        };

    internal void Set(object options, object? value) => _property.SetValue(options, value);

    private string Reference => $"⟦{Name}⟧";

    private Sentence Needed() => $"{Reference} is required.";

    private Sentence? OutOfRange(double value)
    {
        if (!(value >= Least && value <= Most) || (_declared.IsLeastExcluded && value <= Least))
        {
            return OutOfBounds(value);
        }
        if (!double.IsFinite(value))
        {
            return (Sentence)$"{Reference} must be a finite number.";
        }
        return MultipleOf > 1 && value % MultipleOf != 0 ? (Sentence)$"{Reference} must be a multiple of {MultipleOf}, not {value}." : null;
    }

    // Each sentence by itself: in a ?: without a type its gaps would be filled at once, and no translation found.
    private Sentence OutOfBounds(double value)
    {
        if (_declared.IsLeastExcluded)
        {
            return $"{Reference} must be above {Least}, not {value}.";
        }
        if (double.IsInfinity(Most))
        {
            return $"{Reference} must be at least {Least}, not {value}.";
        }
        return $"{Reference} must lie between {Least} and {Most}, not {value}.";
    }

    private Sentence? NotChosen(string text, IReadOnlyList<Choice> choices)
    {
        if (choices.Any(choice => choice.IsChosenBy(text)))
        {
            return null;
        }
        string[] names = [.. choices.Select(choice => choice.Name)];
        string shown = PrintableText.Quote(text);
        return NearestName.Of(text, names) is { } near
            ? (Sentence)$"{Reference} must be one of {string.Join(", ", names)}, not {shown}; did you mean {near}?"
            : $"{Reference} must be one of {string.Join(", ", names)}, not {shown}.";
    }

    private Sentence? NoPath(string text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return Text is OptionText.InputFolder or OptionText.OutputFolder
                ? (Sentence)$"{Reference} must name a folder; it is empty."
                : $"{Reference} must name a file; it is empty.";
        }
        if (text.Contains('\0', StringComparison.Ordinal))
        {
            return $"{Reference} has a zero byte in its name; no file is called that.";
        }
        if (!OutputPath.IsAddress(text))
        {
            return null;
        }
        return Text is OptionText.OutputFile or OptionText.OutputFolder
            ? (Sentence)
                $"{Reference} must be on this machine; {PrintableText.Quote(text)} is an address on the network: write a file and upload it."
            : $"{Reference} must be a file or folder of this machine; {PrintableText.Quote(text)} is an address on the network: download it first.";
    }
}
