using System.Globalization;

namespace LatentSync.Media.Video.Reading;

/// <summary>The colour that shows where a video is transparent: frames are delivered without transparency.</summary>
/// <param name="Red">0..255.</param>
/// <param name="Green">0..255.</param>
/// <param name="Blue">0..255.</param>
public readonly record struct MatteColour(byte Red, byte Green, byte Blue)
{
    private static readonly Dictionary<string, MatteColour> Named = new(StringComparer.OrdinalIgnoreCase)
    {
        ["black"] = new(0, 0, 0),
        ["white"] = new(255, 255, 255),
        ["gray"] = new(128, 128, 128),
        ["grey"] = new(128, 128, 128),
        ["red"] = new(255, 0, 0),
        ["green"] = new(0, 255, 0),
        ["blue"] = new(0, 0, 255),
        ["yellow"] = new(255, 255, 0),
        ["cyan"] = new(0, 255, 255),
        ["magenta"] = new(255, 0, 255),
    };

    /// <summary>0, 0, 0: what is behind a picture where nothing else is said.</summary>
    public static MatteColour Black => default;

    /// <summary>The names that <see cref="TryParse"/> knows besides #rrggbb.</summary>
    public static IReadOnlyCollection<string> Names => Named.Keys;

    /// <summary>Reads a name ("white", any case; "green" is the full green of a green screen) or "#rrggbb" in hexadecimal digits.</summary>
    /// <param name="text">What the user gave.</param>
    /// <param name="colour">The colour; black when the text is none.</param>
    /// <returns>False when the text is no colour.</returns>
    public static bool TryParse(string? text, out MatteColour colour)
    {
        colour = Black;
        if (text is null || Named.TryGetValue(text, out colour))
        {
            return text is not null;
        }

        if (
            text.Length != 7
            || text[0] != '#'
            || !int.TryParse(text.AsSpan(1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value)
        )
        {
            return false;
        }

        colour = new((byte)(value >> 16), (byte)(value >> 8), (byte)value);
        return true;
    }

    /// <summary>"black" or "#0080ff".</summary>
    public override string ToString()
    {
        MatteColour self = this;
        return Named.FirstOrDefault(n => n.Value == self).Key
            ?? string.Create(CultureInfo.InvariantCulture, $"#{Red:x2}{Green:x2}{Blue:x2}");
    }

    /// <summary>Puts a picture with straight alpha over this colour: a x c + (1 - a) x matte, rounded. Opaque pixels stay as they
    /// are.</summary>
    /// <param name="rgba">4 bytes a pixel.</param>
    /// <param name="rgb">Receives 3 bytes a pixel.</param>
    /// <returns>True when a pixel was not opaque.</returns>
    internal bool PutUnder(ReadOnlySpan<byte> rgba, Span<byte> rgb)
    {
        bool isTransparent = false;
        for (int from = 0, to = 0; from < rgba.Length; from += 4, to += 3)
        {
            ReadOnlySpan<byte> pixel = rgba.Slice(from, 4);
            Span<byte> mixed = rgb.Slice(to, 3);
            int alpha = pixel[3];
            if (alpha == byte.MaxValue)
            {
                pixel[..3].CopyTo(mixed);
                continue;
            }

            isTransparent = true;
            mixed[0] = Mix(alpha, pixel[0], Red);
            mixed[1] = Mix(alpha, pixel[1], Green);
            mixed[2] = Mix(alpha, pixel[2], Blue);
        }

        return isTransparent;
    }

    private static byte Mix(int alpha, int colour, int matte) => (byte)(((alpha * colour) + ((255 - alpha) * matte) + 127) / 255);
}
