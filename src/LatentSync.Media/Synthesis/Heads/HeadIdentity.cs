using LatentSync.Media.Synthesis.Numbers;
using SkiaSharp;

namespace LatentSync.Media.Synthesis.Heads;

/// <summary>Hair styles.</summary>
internal enum HairStyle
{
    Short,
    Quiff,
    Buzz,
    Curly,
    Bob,
    Long,
    Bun,
    Ponytail,
    Balding,
    Afro,
}

/// <summary>Beard styles.</summary>
internal enum BeardStyle
{
    None,
    Stubble,
    Moustache,
    Goatee,
    Full,
}

/// <summary>Glasses.</summary>
internal enum GlassesStyle
{
    None,
    Round,
    Square,
}

/// <summary>Garments.</summary>
internal enum GarmentStyle
{
    TShirt,
    Shirt,
    Jacket,
    Hoodie,
    Sweater,
}

/// <summary>What is behind the head.</summary>
internal enum BackdropStyle
{
    Gradient,
    Lights,
    Window,
    Hills,
    Shelves,
    Stripes,
}

/// <summary>Everything that tells one drawn person from another: proportions, colours, hair, clothes, light and room.</summary>
/// <remarks>Lengths are face units: the brows are 2 x 57.4 apart and the nose is 56 below them, which is the alignment template of
/// LatentSync at
/// 256 pixels before its crop of 210 x 280 is squeezed into a square; so one unit is one pixel of that crop.</remarks>
public sealed record HeadIdentity
{
    private static readonly uint[] SkinTones =
    [
        0xFFF9DEC9,
        0xFFF3CFB3,
        0xFFEBBD9B,
        0xFFDDA47C,
        0xFFC68A62,
        0xFFA86E4B,
        0xFF8C5A3C,
        0xFF77492F,
    ];
    private static readonly uint[] HairTones =
    [
        0xFF1E1A1C,
        0xFF2F221D,
        0xFF4A3226,
        0xFF6B4630,
        0xFF8F5E36,
        0xFFB88A4E,
        0xFFDDBB78,
        0xFF9A4A2A,
        0xFFA9A6A6,
        0xFFDAD7D2,
    ];
    private static readonly uint[] IrisTones = [0xFF4A2F1E, 0xFF6B4423, 0xFF4E6B3A, 0xFF5E7F8C, 0xFF3F6FA3, 0xFF7A7468];
    private static readonly uint[] ClothTones =
    [
        0xFF35507A,
        0xFF8C2F39,
        0xFF2F6B5B,
        0xFFD9A441,
        0xFF5B4B8A,
        0xFF3A3F47,
        0xFFE8E4DA,
        0xFFB5654A,
        0xFF4F8AA8,
        0xFF7F9172,
    ];
    private static readonly uint[] RoomTones =
    [
        0xFF8FB3C9,
        0xFFD9C7A8,
        0xFFA9BFA0,
        0xFFC9A9A0,
        0xFFB3ADC9,
        0xFF7D95A6,
        0xFFE0D6C6,
        0xFF92A8A2,
        0xFFCDB58A,
        0xFF6E7B8C,
    ];

    private HeadIdentity() { }

    /// <summary>Seed that it was drawn from.</summary>
    public long Seed { get; private init; }

    internal SKColor Skin { get; private init; }

    internal SKColor Lips { get; private init; }

    internal SKColor Hair { get; private init; }

    internal SKColor Iris { get; private init; }

    internal SKColor Cloth { get; private init; }

    internal SKColor SecondCloth { get; private init; }

    internal SKColor Room { get; private init; }

    internal SKColor SecondRoom { get; private init; }

    internal HairStyle HairStyle { get; private init; }

    internal BeardStyle Beard { get; private init; }

    internal GlassesStyle Glasses { get; private init; }

    internal GarmentStyle Garment { get; private init; }

    internal BackdropStyle Backdrop { get; private init; }

    internal bool Freckles { get; private init; }

    internal bool Earrings { get; private init; }

    internal bool Lashes { get; private init; }

    /// <summary>-1 light from the left, 1 from the right.</summary>
    internal float Light { get; private init; }

    /// <summary>Half the width of the head.</summary>
    internal float HeadWidth { get; private init; }

    /// <summary>Half the width at the jaw, as a fraction of <see cref="HeadWidth"/>.</summary>
    internal float Jaw { get; private init; }

    /// <summary>Half the flat part of the chin.</summary>
    internal float Chin { get; private init; }

    /// <summary>Height of the chin below the brows, mouth closed.</summary>
    internal float ChinY { get; private init; }

    /// <summary>Half the distance of the brow centres.</summary>
    internal float BrowX { get; private init; }

    internal float BrowThickness { get; private init; }

    /// <summary>Lift of the outer end over the inner end.</summary>
    internal float BrowSlant { get; private init; }

    internal float EyeX { get; private init; }

    internal float EyeSize { get; private init; }

    internal float EyeSlant { get; private init; }

    /// <summary>Height of the nose point (the tip's middle) below the brows.</summary>
    internal float NoseY { get; private init; }

    internal float NoseWidth { get; private init; }

    /// <summary>Height of the closed lips below the brows.</summary>
    internal float MouthY { get; private init; }

    internal float MouthSize { get; private init; }

    internal float LipThickness { get; private init; }

    /// <summary>Lift of the corners at rest.</summary>
    internal float Smile { get; private init; }

    /// <summary>Seed of small irregularities: curls, freckles, lights.</summary>
    internal long Detail { get; private init; }

    /// <summary>Draws a person.</summary>
    /// <param name="seed">Any number; the same seed gives the same person.</param>
    public static HeadIdentity FromSeed(long seed)
    {
        SeededRandom random = new(seed, 505);
        bool bearded = random.Chance(0.32);
        bool feminine = !bearded && random.Chance(0.65);
        float tone = (float)random.Range(0, SkinTones.Length - 1.001);
        SKColor skin = Mix(SkinTones[(int)tone], SkinTones[(int)tone + 1], tone - (int)tone);
        SKColor hair = tone > 4 ? HairTones[random.Next(4)] : random.Pick(HairTones);
        HairStyle style = feminine
            ? random.Pick([
                HairStyle.Bob,
                HairStyle.Long,
                HairStyle.Bun,
                HairStyle.Ponytail,
                HairStyle.Curly,
                HairStyle.Afro,
                HairStyle.Short,
            ])
            : random.Pick([
                HairStyle.Short,
                HairStyle.Quiff,
                HairStyle.Buzz,
                HairStyle.Curly,
                HairStyle.Balding,
                HairStyle.Afro,
                HairStyle.Short,
            ]);
        float headWidth = (float)random.Range(103, 113);
        SKColor cloth = random.Pick(ClothTones),
            second = random.Pick(ClothTones);
        SKColor room = random.Pick(RoomTones),
            secondRoom = random.Pick(RoomTones);
        return new HeadIdentity
        {
            Seed = seed,
            Detail = (long)random.NextBits(),
            Skin = skin,
            Lips = LipColour(skin, feminine ? (float)random.Range(0.35, 0.8) : (float)random.Range(0.15, 0.4)),
            Hair = hair,
            Iris = tone > 4.5 ? IrisTones[random.Next(2)] : random.Pick(IrisTones),
            Cloth = cloth,
            SecondCloth = second,
            Room = room,
            SecondRoom = secondRoom,
            HairStyle = style,
            Beard = bearded ? random.Pick([BeardStyle.Stubble, BeardStyle.Moustache, BeardStyle.Goatee, BeardStyle.Full]) : BeardStyle.None,
            Glasses = random.Chance(0.3) ? random.Pick([GlassesStyle.Round, GlassesStyle.Square]) : GlassesStyle.None,
            Garment = random.Pick(Enum.GetValues<GarmentStyle>()),
            Backdrop = random.Pick(Enum.GetValues<BackdropStyle>()),
            Freckles = tone < 3.5 && random.Chance(0.25),
            Earrings = feminine && random.Chance(0.5),
            Lashes = feminine,
            Light = (float)(random.Chance(0.5) ? random.Range(-1, -0.4) : random.Range(0.4, 1)),
            HeadWidth = headWidth,
            Jaw = (float)(feminine ? random.Range(0.78, 0.86) : random.Range(0.83, 0.93)),
            Chin = (float)(feminine ? random.Range(14, 24) : random.Range(20, 32)),
            ChinY = (float)random.Range(168, 178),
            BrowX = (float)random.Range(55.5, 59),
            BrowThickness = (float)(feminine ? random.Range(5, 8) : random.Range(8, 12.5)),
            BrowSlant = (float)random.Range(-1, 5),
            EyeX = (float)random.Range(48, 52.5),
            EyeSize = (float)random.Range(0.92, 1.12),
            EyeSlant = (float)random.Range(-1, 3),
            NoseY = (float)random.Range(53.5, 59),
            NoseWidth = (float)random.Range(15, 22),
            MouthY = (float)random.Range(113, 121),
            MouthSize = (float)random.Range(0.92, 1.1),
            LipThickness = (float)(feminine ? random.Range(1, 1.3) : random.Range(0.75, 1.05)),
            Smile = (float)random.Range(0, 4.5),
        };
    }

    internal static SKColor Mix(SKColor a, SKColor b, float share) =>
        new(
            (byte)(a.Red + (b.Red - a.Red) * share),
            (byte)(a.Green + (b.Green - a.Green) * share),
            (byte)(a.Blue + (b.Blue - a.Blue) * share)
        );

    /// <summary>Brightness to the eye, 0..1.</summary>
    internal static float Luminance(SKColor colour) => (0.299f * colour.Red + 0.587f * colour.Green + 0.114f * colour.Blue) / 255;

    /// <summary>Towards black below 1, towards white above.</summary>
    internal static SKColor Shade(SKColor colour, float factor) =>
        factor <= 1 ? Mix(SKColors.Black, colour, factor) : Mix(colour, SKColors.White, factor - 1);

    /// <summary>Lips: the skin's colour towards red, never so dark that they could be taken for the inside of the mouth.</summary>
    private static SKColor LipColour(SKColor skin, float redness)
    {
        SKColor lips = Mix(Shade(skin, 0.86f), new SKColor(0xB8, 0x4A, 0x52), 0.25f + 0.6f * redness);
        float light = Luminance(lips);
        return light < 0.42f ? Mix(lips, new SKColor(0xD8, 0x88, 0x84), (0.42f - light) * 5) : lips;
    }
}
