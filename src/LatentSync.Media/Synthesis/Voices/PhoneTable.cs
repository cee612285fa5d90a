namespace LatentSync.Media.Synthesis.Voices;

/// <summary>How a phone sounds and looks.</summary>
/// <param name="F1">First formant in Hz, for an adult male voice.</param>
/// <param name="F2">Second formant in Hz.</param>
/// <param name="F3">Third formant in Hz.</param>
/// <param name="Voicing">Amplitude of the voice source, 0..1.</param>
/// <param name="Frication">Amplitude of the noise made at the constriction, 0..1 (for stops: of the burst).</param>
/// <param name="NoiseFrequency">Centre of that noise in Hz.</param>
/// <param name="NoiseBandwidth">Bandwidth of that noise in Hz.</param>
/// <param name="Seconds">Usual duration.</param>
/// <param name="Mouth">What the mouth aims at.</param>
/// <param name="LipStrength">How strongly the sound insists on opening and tuck against its neighbours (1 = like a vowel).</param>
/// <param name="ShapeStrength">How strongly it insists on width and rounding.</param>
internal sealed record PhoneTraits(
    double F1,
    double F2,
    double F3,
    double Voicing,
    double Frication,
    double NoiseFrequency,
    double NoiseBandwidth,
    double Seconds,
    MouthShape Mouth,
    double LipStrength,
    double ShapeStrength
);

/// <summary>The table of phones.</summary>
/// <remarks>Vowel formants after Peterson and Barney (1952), rounded; consonant loci and noise bands after Klatt (1980), table 2,
/// simplified. Lip targets and strengths are ours, in the manner of Cohen and Massaro (1993).</remarks>
internal static class PhoneTable
{
    /// <summary>Syllable kernels.</summary>
    public static IReadOnlyList<Phone> Vowels { get; } = [Phone.A, Phone.E, Phone.I, Phone.O, Phone.U, Phone.Schwa];

    /// <summary>What a syllable may begin with.</summary>
    public static IReadOnlyList<Phone> Onsets { get; } =
    [
        Phone.M,
        Phone.N,
        Phone.L,
        Phone.R,
        Phone.W,
        Phone.J,
        Phone.S,
        Phone.Z,
        Phone.Sh,
        Phone.F,
        Phone.V,
        Phone.P,
        Phone.B,
        Phone.T,
        Phone.D,
        Phone.K,
        Phone.G,
        Phone.M,
        Phone.B,
        Phone.P,
    ];

    /// <summary>What a syllable may end with.</summary>
    public static IReadOnlyList<Phone> Codas { get; } = [Phone.M, Phone.N, Phone.L, Phone.S, Phone.F, Phone.T, Phone.K, Phone.Sh];

    private static readonly PhoneTraits[] Traits = Build();

    /// <summary>Traits of a phone.</summary>
    public static PhoneTraits Of(Phone phone) => Traits[(int)phone];

    /// <summary>True when the lips must touch.</summary>
    public static bool IsBilabial(Phone phone) => phone is Phone.M or Phone.B or Phone.P;

    /// <summary>True for sounds that stop the breath and let it go with a burst.</summary>
    public static bool IsStop(Phone phone) => phone is Phone.P or Phone.B or Phone.T or Phone.D or Phone.K or Phone.G;

    /// <summary>True for stops without voice, which are released with a breath.</summary>
    public static bool IsAspirated(Phone phone) => phone is Phone.P or Phone.T or Phone.K;

    /// <summary>True for sounds through the nose.</summary>
    public static bool IsNasal(Phone phone) => phone is Phone.M or Phone.N;

    private static PhoneTraits[] Build()
    {
        var table = new PhoneTraits[Enum.GetValues<Phone>().Length];
        void Add(
            Phone p,
            (double, double, double) f,
            double voice,
            (double Amp, double Hz, double Bw) noise,
            double seconds,
            (double Open, double Width, double Round, double Teeth, double Tongue, double Tuck) m,
            double lip,
            double shape
        ) =>
            table[(int)p] = new PhoneTraits(
                f.Item1,
                f.Item2,
                f.Item3,
                voice,
                noise.Amp,
                noise.Hz,
                noise.Bw,
                seconds,
                new MouthShape(m.Open, m.Width, m.Round, m.Teeth, m.Tongue, m.Tuck),
                lip,
                shape
            );

        // phone, formants, voice, (noise, Hz, bandwidth), seconds, (opening, width, rounding, teeth, tongue, tuck), lip, shape
        Add(Phone.Pause, (500, 1500, 2500), 0, (0, 2500, 1000), 0.30, (0.00, 0.50, 0.00, 0.00, 0.00, 0), 2.0, 0.8);
        Add(Phone.A, (750, 1200, 2500), 1.00, (0, 2500, 1000), 0.16, (0.98, 0.55, 0.00, 0.50, 0.50, 0), 1.0, 1.0);
        Add(Phone.E, (490, 1850, 2550), 0.95, (0, 2500, 1000), 0.13, (0.56, 0.78, 0.00, 0.70, 0.35, 0), 1.0, 1.0);
        Add(Phone.I, (290, 2250, 2950), 0.80, (0, 2500, 1000), 0.12, (0.26, 1.00, 0.00, 0.85, 0.10, 0), 1.0, 1.2);
        Add(Phone.O, (480, 880, 2450), 0.95, (0, 2500, 1000), 0.15, (0.62, 0.22, 0.80, 0.15, 0.25, 0), 1.0, 1.2);
        Add(Phone.U, (320, 800, 2300), 0.85, (0, 2500, 1000), 0.13, (0.26, 0.05, 1.00, 0.00, 0.05, 0), 1.0, 1.4);
        Add(Phone.Schwa, (520, 1450, 2450), 0.85, (0, 2500, 1000), 0.09, (0.42, 0.50, 0.05, 0.45, 0.30, 0), 0.8, 0.4);
        Add(Phone.M, (270, 1000, 2200), 0.50, (0, 2500, 1000), 0.085, (0.00, 0.48, 0.00, 0.00, 0.00, 0), 6.0, 0.2);
        Add(Phone.N, (270, 1600, 2600), 0.50, (0, 2500, 1000), 0.070, (0.20, 0.55, 0.00, 0.60, 0.60, 0), 0.7, 0.2);
        Add(Phone.L, (360, 1150, 2750), 0.70, (0, 2500, 1000), 0.070, (0.34, 0.55, 0.00, 0.50, 1.00, 0), 0.7, 0.3);
        Add(Phone.R, (340, 1200, 1650), 0.70, (0, 2500, 1000), 0.070, (0.24, 0.30, 0.45, 0.40, 0.30, 0), 0.8, 0.7);
        Add(Phone.W, (300, 640, 2200), 0.65, (0, 2500, 1000), 0.080, (0.10, 0.00, 1.00, 0.00, 0.00, 0), 1.6, 1.8);
        Add(Phone.J, (280, 2200, 2950), 0.65, (0, 2500, 1000), 0.070, (0.22, 0.92, 0.00, 0.80, 0.20, 0), 0.9, 0.9);
        Add(Phone.S, (330, 1500, 2550), 0, (0.42, 5800, 1800), 0.110, (0.14, 0.74, 0.00, 1.00, 0.00, 0), 1.6, 0.5);
        Add(Phone.Z, (300, 1500, 2550), 0.35, (0.24, 5600, 1800), 0.085, (0.14, 0.72, 0.00, 1.00, 0.00, 0), 1.6, 0.5);
        Add(Phone.Sh, (330, 1700, 2500), 0, (0.42, 3000, 1100), 0.115, (0.24, 0.18, 0.70, 0.95, 0.00, 0), 1.6, 1.4);
        Add(Phone.F, (330, 1050, 2200), 0, (0.15, 6200, 4500), 0.100, (0.10, 0.56, 0.00, 0.95, 0.00, 1), 3.0, 0.3);
        Add(Phone.V, (280, 1050, 2200), 0.40, (0.10, 6000, 4500), 0.080, (0.10, 0.55, 0.00, 0.95, 0.00, 1), 3.0, 0.3);
        Add(Phone.P, (300, 800, 2150), 0, (0.45, 900, 1400), 0.105, (0.00, 0.48, 0.00, 0.00, 0.00, 0), 6.0, 0.2);
        Add(Phone.B, (220, 800, 2150), 0.30, (0.25, 800, 1200), 0.090, (0.00, 0.48, 0.00, 0.00, 0.00, 0), 6.0, 0.2);
        Add(Phone.T, (320, 1700, 2650), 0, (0.60, 4300, 2200), 0.095, (0.18, 0.62, 0.00, 0.80, 0.40, 0), 0.8, 0.2);
        Add(Phone.D, (230, 1700, 2650), 0.30, (0.35, 4000, 2200), 0.075, (0.20, 0.60, 0.00, 0.70, 0.50, 0), 0.8, 0.2);
        Add(Phone.K, (300, 1900, 2500), 0, (0.55, 1900, 900), 0.095, (0.28, 0.55, 0.00, 0.45, 0.20, 0), 0.5, 0.1);
        Add(Phone.G, (230, 1900, 2500), 0.30, (0.30, 1800, 900), 0.080, (0.30, 0.55, 0.00, 0.45, 0.20, 0), 0.5, 0.1);
        return table;
    }
}
