namespace LatentSync.Media.Faces.Masks;

/// <summary>The masks of the original. All are black (generated) in the lower face and white (kept) elsewhere.</summary>
public enum FaceMaskShape
{
    /// <summary>mask.png, which every configuration of the original names: both cheeks beside the nose, and all below it down to the
    /// chin.</summary>
    CheeksAndJaw,

    /// <summary>mask2.png: the jaw only.</summary>
    Jaw,

    /// <summary>mask3.png: the lower half of a disc around the picture's centre.</summary>
    HalfDisc,

    /// <summary>mask4.png: a band over the full width from the eyes down, and the jaw.</summary>
    BandAndJaw,
}
