namespace LatentSync.Foundation.Options;

/// <summary>What an option of a record is: all that a command line, a page, an interface and a check of values need, beside the property's
/// type, default and doc comment. Every public property of such a record has one.</summary>
/// <param name="help">What it is for, in a few words, as help texts show it.</param>
/// <param name="effect">How it changes generated pixels.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OptionAttribute(string help, OptionEffect effect) : Attribute
{
    /// <summary>What it is for.</summary>
    public string Help { get; } = help;

    /// <summary>How it changes generated pixels.</summary>
    public OptionEffect Effect { get; } = effect;

    /// <summary>What its text names; ordinary text by default. Other types of values need none.</summary>
    public OptionText Text { get; init; }

    /// <summary>The least number.</summary>
    public double Least { get; init; } = double.NegativeInfinity;

    /// <summary>The number must be above <see cref="Least"/>, not equal to it.</summary>
    public bool IsLeastExcluded { get; init; }

    /// <summary>The largest number.</summary>
    public double Most { get; init; } = double.PositiveInfinity;

    /// <summary>The number must be a multiple of this.</summary>
    public int MultipleOf { get; init; } = 1;

    /// <summary>What is counted or measured: "frames", "seconds"; null: a plain number.</summary>
    public string? Unit { get; init; }
}

/// <summary>How an option changes the pixels that networks generate. Finished work is kept under a key that follows from it.</summary>
public enum OptionEffect
{
    /// <summary>Not at all, or only by rounding.</summary>
    None,

    /// <summary>By the frames or the sound that the networks are given: these are part of the key themselves.</summary>
    Inputs,

    /// <summary>By what it is settled to together with the machine and the files: that is part of the key.</summary>
    Settled,

    /// <summary>By its value, which is part of the key.</summary>
    Pixels,
}

/// <summary>What an option's text names.</summary>
public enum OptionText
{
    /// <summary>Any text.</summary>
    Any,

    /// <summary>A file to read.</summary>
    InputFile,

    /// <summary>A folder to read.</summary>
    InputFolder,

    /// <summary>A file to write.</summary>
    OutputFile,

    /// <summary>A folder to write into.</summary>
    OutputFolder,
}
