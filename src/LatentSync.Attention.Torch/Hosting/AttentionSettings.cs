using LatentSync.Attention.Constraints;
using LatentSync.Attention.Selection;

namespace LatentSync.Attention.Torch.Hosting;

/// <summary>The environment variables of this layer; the one place that reads them.</summary>
public static class AttentionSettings
{
    /// <summary>Policy of dispatchers that are not given one: "auto", "prefer NAME", "require NAME", "forbid NAME".</summary>
    public const string PolicyVariable = "LATENTSYNC_ATTENTION";

    /// <summary>The policy of <see cref="PolicyVariable"/>; auto when it is not set or empty.</summary>
    /// <exception cref="FormatException">Its text cannot be read; the message names the variable.</exception>
    public static Policy ReadPolicy()
    {
#pragma warning disable RS0030 // the one settings class of this layer
        string? text = Environment.GetEnvironmentVariable(PolicyVariable);
#pragma warning restore RS0030
        return ParsePolicy(text);
    }

    internal static Policy ParsePolicy(string? text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return Policy.Auto;
        }
        try
        {
            return Policy.Parse(text, AttentionRules.BackendNames);
        }
        catch (FormatException exception)
        {
            throw new FormatException($"{exception.Message} It comes from the environment variable {PolicyVariable}.", exception);
        }
    }
}
