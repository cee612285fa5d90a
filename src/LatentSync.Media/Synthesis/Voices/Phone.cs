namespace LatentSync.Media.Synthesis.Voices;

/// <summary>The sounds that the synthesiser can make.</summary>
public enum Phone
{
    /// <summary>Silence, mouth closed.</summary>
    Pause,

    /// <summary>a as in father.</summary>
    A,

    /// <summary>e as in bed.</summary>
    E,

    /// <summary>i as in see.</summary>
    I,

    /// <summary>o as in more.</summary>
    O,

    /// <summary>u as in boot.</summary>
    U,

    /// <summary>The neutral vowel, as in about.</summary>
    Schwa,

    /// <summary>m as in me.</summary>
    M,

    /// <summary>n as in no.</summary>
    N,

    /// <summary>l as in low.</summary>
    L,

    /// <summary>r as in red.</summary>
    R,

    /// <summary>w as in we.</summary>
    W,

    /// <summary>y as in yes.</summary>
    J,

    /// <summary>s as in see.</summary>
    S,

    /// <summary>z as in zoo.</summary>
    Z,

    /// <summary>sh as in she.</summary>
    Sh,

    /// <summary>f as in fee.</summary>
    F,

    /// <summary>v as in vow.</summary>
    V,

    /// <summary>p as in pea.</summary>
    P,

    /// <summary>b as in bee.</summary>
    B,

    /// <summary>t as in tea.</summary>
    T,

    /// <summary>d as in day.</summary>
    D,

    /// <summary>k as in key.</summary>
    K,

    /// <summary>g as in go.</summary>
    G,
}
