namespace LatentSync.Attention.Torch.SelfTest;

/// <summary>Whether kernels compute a known answer before their first real use.</summary>
public enum SelfTestMode
{
    /// <summary>They do, once per machine: what passed is remembered in the user's cache.</summary>
    On,

    /// <summary>They do, once per process.</summary>
    Fresh,

    /// <summary>They do not.</summary>
    Off,
}
