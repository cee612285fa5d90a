using LatentSync.Foundation.Options;

namespace LatentSync.Cli.Usage;

/// <summary>A switch that is written out: on or off.</summary>
internal sealed class SwitchOption : ChoiceOption
{
    /// <summary>The word that turns it on.</summary>
    public const string On = "on";

    private const string Off = "off";

    /// <summary>Makes the option.</summary>
    /// <param name="declared">What the library says.</param>
    public SwitchOption(OptionDeclaration declared)
        : base(CommandLineVocabulary.OptionName(declared.Name), On, Off)
    {
        Description = $"{On}: {declared.Help}";
        HelpName = $"{On}/{Off}";
        DefaultValueFactory = _ => declared.Default is true ? On : Off;
    }
}
