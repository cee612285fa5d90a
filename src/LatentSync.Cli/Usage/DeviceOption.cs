using LatentSync.Compute;
using LatentSync.Foundation.Options;

namespace LatentSync.Cli.Usage;

/// <summary>"--device" of the commands that do not take every device.</summary>
internal sealed class DeviceOption : ChoiceOption
{
    /// <summary>Makes the option; the first device is the default.</summary>
    /// <param name="devices">Names of rows of the table of devices.</param>
    public DeviceOption(params string[] devices)
        : base("--device", (IReadOnlyList<Choice>)[.. devices.Select(device => Devices.All.Single(row => row.Name == device))])
    {
        Description = $"{string.Join(", ", devices[..^1])} or {devices[^1]}";
        HelpName = "NAME";
        DefaultValueFactory = _ => devices[0];
    }
}
