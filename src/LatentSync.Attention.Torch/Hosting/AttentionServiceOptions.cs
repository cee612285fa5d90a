using System.ComponentModel;
using LatentSync.Attention.Torch.SelfTest;

namespace LatentSync.Attention.Torch.Hosting;

/// <summary>What <c>services.AddLatentSyncAttention()</c> registers is made from these. The text properties bind to a configuration
/// section: <c>services.Configure&lt;AttentionServiceOptions&gt;(configuration.GetSection(AttentionServiceOptions.Section))</c>.</summary>
public sealed class AttentionServiceOptions
{
    /// <summary>The usual name of the configuration section.</summary>
    public const string Section = "LatentSync:Attention";

    /// <summary>"auto", "prefer NAME", "require NAME", "forbid NAME", or several of prefer and forbid joined by commas. null (default):
    /// the environment variable LATENTSYNC_ATTENTION, else auto.</summary>
    public string? Policy { get; set; }

    /// <summary>Folder of an external libtorch, for instance the torch/lib of a Python install. null (default): LATENTSYNC_LIBTORCH, else
    /// the one beside the program.</summary>
    public string? LibTorchFolder { get; set; }

    /// <summary>Folder for what is kept between runs. null (default): LATENTSYNC_CACHE, else the user's cache folder.</summary>
    public string? CacheFolder { get; set; }

    /// <summary>Language of reasons and remedies, for the whole process: "en", "zh". null (default): as it is, which is the UI culture's
    /// unless somebody chose.</summary>
    public string? Language { get; set; }

    /// <summary>Whether kernels compute a known answer before their first use. null (default): the environment variable
    /// LATENTSYNC_SELF_TEST, else on, for the built-in backends.</summary>
    public SelfTestMode? SelfTest { get; set; }

    /// <summary>The last word on the dispatcher, in code: other backends, a known machine, a ranking. The argument has the policy, and the
    /// machine as it was examined; every registered <see cref="Dispatch.IAttentionListener"/> is added to the listener of the result. null
    /// (default): nothing is changed.</summary>
    [EditorBrowsable(EditorBrowsableState.Advanced)]
    public Func<AttentionDispatcherOptions, AttentionDispatcherOptions>? ConfigureDispatcher { get; set; }
}
