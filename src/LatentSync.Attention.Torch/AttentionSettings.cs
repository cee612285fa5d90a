using LatentSync.Attention.Rules;
using LatentSync.Attention.Torch.SelfTest;
using LatentSync.Platform;

namespace LatentSync.Attention.Torch;

/// <summary>The environment variables of this layer; the one place that reads them.</summary>
public static class AttentionSettings
{
    /// <summary>Policy of dispatchers that are not given one: "auto", "prefer NAME", "require NAME", "forbid NAME".</summary>
    public const string PolicyVariable = "LATENTSYNC_ATTENTION";

    /// <summary>Self-test of kernels before their first use: "on", "fresh" (nothing remembered from earlier processes), "off".</summary>
    public const string SelfTestVariable = "LATENTSYNC_SELF_TEST";

    /// <summary>File of the measured rankings that <c>attention tune</c> writes, or "off" to ignore them.</summary>
    public const string TuningVariable = "LATENTSYNC_TUNING";

    /// <summary>Where measured rankings are kept: the file of <see cref="TuningVariable"/>, else attention-tuning.json in the user's cache
    /// folder; null when they are switched off or there is no such folder.</summary>
    public static string? ReadTuningPath()
    {
#pragma warning disable RS0030 // the one settings class of this layer
        string? text = Environment.GetEnvironmentVariable(TuningVariable);
#pragma warning restore RS0030
        return TuningPath(text, PlatformSettings.FromEnvironment().CacheFolder);
    }

    internal static string? TuningPath(string? text, string? cacheFolder) =>
        text?.Trim() switch
        {
            { Length: > 0 } off when off.Equals("off", StringComparison.OrdinalIgnoreCase) => null,
            { Length: > 0 } path => Path.GetFullPath(path),
            _ => cacheFolder is null ? null : Path.Combine(cacheFolder, "attention-tuning.json"),
        };

    /// <summary>The policy of <see cref="PolicyVariable"/>; auto when it is not set or empty.</summary>
    /// <exception cref="FormatException">Its text cannot be read; the message names the variable.</exception>
    public static Policy ReadPolicy()
    {
#pragma warning disable RS0030 // the one settings class of this layer
        string? text = Environment.GetEnvironmentVariable(PolicyVariable);
#pragma warning restore RS0030
        return ParsePolicy(text);
    }

    /// <summary>The mode of <see cref="SelfTestVariable"/>; on when it is not set or empty.</summary>
    /// <exception cref="FormatException">Its text cannot be read; the message names the variable.</exception>
    public static SelfTestMode ReadSelfTest()
    {
#pragma warning disable RS0030 // the one settings class of this layer
        string? text = Environment.GetEnvironmentVariable(SelfTestVariable);
#pragma warning restore RS0030
        return ParseSelfTest(text);
    }

    internal static SelfTestMode ParseSelfTest(string? text) =>
        text?.Trim().ToLowerInvariant() switch
        {
            null or "" or "on" or "1" or "true" => SelfTestMode.On,
            "fresh" => SelfTestMode.Fresh,
            "off" or "0" or "false" => SelfTestMode.Off,
            var other => throw new FormatException(
                $"\"{other}\" is no mode of the attention kernels' self-test; use on, fresh or off. It comes from the environment variable {SelfTestVariable}."
            ),
        };

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
