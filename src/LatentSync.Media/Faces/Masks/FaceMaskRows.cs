namespace LatentSync.Media.Faces.Masks;

/// <summary>The black regions of the original's four masks at 256x256, row by row.</summary>
/// <remarks>The outlines were drawn by hand once: a polygon through their corners leaves 50 wrong pixels of the jaw, a circle 13 of the
/// disc. So the outlines are kept as data, first and last black column of each row.</remarks>
internal static class FaceMaskRows
{
    /// <summary>Side of the master pictures in pixels.</summary>
    public const int Side = 256;

    private const int LowerHalf = 128;

    /// <summary>Draws a mask.</summary>
    /// <param name="shape">Which.</param>
    /// <returns>256 x 256 values, row-major: 0 generated, 255 kept.</returns>
    public static byte[] Draw(FaceMaskShape shape)
    {
        byte[] mask = new byte[Side * Side];
        mask.AsSpan().Fill(byte.MaxValue);
        if (shape == FaceMaskShape.HalfDisc)
        {
            Outline(mask, DiscLeft, DiscRight);
            return mask;
        }
        Outline(mask, JawLeft, JawRight);
        if (shape == FaceMaskShape.CheeksAndJaw)
        {
            Rectangle(mask, 95, 9, 77);
            Rectangle(mask, 95, 178, 246);
        }
        else if (shape == FaceMaskShape.BandAndJaw)
        {
            Rectangle(mask, 60, 9, 246);
        }
        return mask;
    }

    /// <summary>Blackens rows from <paramref name="firstRow"/> to the upper edge of the outline.</summary>
    private static void Rectangle(byte[] mask, int firstRow, int firstColumn, int lastColumn)
    {
        for (int row = firstRow; row < LowerHalf; row++)
        {
            mask.AsSpan((row * Side) + firstColumn, lastColumn - firstColumn + 1).Clear();
        }
    }

    private static void Outline(byte[] mask, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        for (int i = 0; i < left.Length; i++)
        {
            mask.AsSpan(((LowerHalf + i) * Side) + left[i], right[i] - left[i] + 1).Clear();
        }
    }

    // First black column of rows 128-242 of the jaw.
    // csharpier-ignore
    private static ReadOnlySpan<byte> JawLeft =>
    [
        9, 9, 9, 9, 9, 9, 9, 9, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11,
        11, 11, 12, 12, 12, 12, 12, 12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 18, 18, 19, 19, 20, 21, 21, 22, 22, 23, 24, 25, 26, 26,
        27, 28, 29, 30, 31, 32, 33, 34, 34, 35, 36, 37, 38, 39, 40, 42, 43, 44, 45, 47, 48, 49, 51, 52, 54, 56, 57, 59, 60, 62, 64, 66,
        68, 70, 72, 74, 76, 78, 80, 82, 85, 87, 90, 93, 95, 99, 104, 108, 131,
    ];

    // Last black column of rows 128-242 of the jaw.
    // csharpier-ignore
    private static ReadOnlySpan<byte> JawRight =>
    [
        247, 247, 247, 247, 247, 247, 247, 246, 246, 246, 246, 246, 246, 246, 246, 246, 246, 246, 246, 246, 246, 245, 245, 245, 245, 245,
        245, 245, 245, 245, 245, 245, 245, 245, 245, 244, 244, 244, 244, 244, 244, 244, 243, 243, 242, 242, 241, 241, 240, 240, 239, 238,
        238, 237, 236, 236, 235, 234, 234, 233, 232, 232, 231, 230, 230, 229, 228, 228, 227, 226, 225, 224, 223, 223, 222, 221, 220, 219,
        218, 217, 216, 215, 214, 213, 212, 211, 210, 208, 207, 206, 204, 203, 202, 200, 199, 197, 196, 194, 192, 191, 189, 187, 185, 183,
        180, 178, 175, 173, 171, 168, 166, 164, 160, 156, 152,
    ];

    // First black column of rows 128-217 of the half disc.
    // csharpier-ignore
    private static ReadOnlySpan<byte> DiscLeft =>
    [
        39, 39, 39, 39, 39, 39, 39, 39, 39, 40, 40, 40, 40, 40, 40, 40, 41, 41, 41, 41, 41, 42, 42, 42, 42, 43, 43, 43, 44, 44, 44, 45,
        45, 45, 46, 46, 47, 47, 48, 48, 49, 49, 50, 50, 51, 51, 52, 53, 53, 54, 54, 55, 56, 56, 57, 58, 59, 59, 60, 61, 62, 63, 64, 65,
        66, 67, 68, 69, 70, 72, 73, 74, 76, 77, 78, 80, 82, 83, 85, 86, 88, 90, 93, 95, 97, 100, 104, 108, 113, 120,
    ];

    // Last black column of rows 128-217 of the half disc.
    // csharpier-ignore
    private static ReadOnlySpan<byte> DiscRight =>
    [
        217, 217, 217, 217, 217, 217, 217, 217, 217, 216, 216, 216, 216, 216, 216, 216, 215, 215, 215, 215, 215, 214, 214, 214, 214, 213,
        213, 213, 212, 212, 212, 211, 211, 211, 210, 210, 209, 209, 208, 208, 207, 207, 206, 206, 205, 205, 204, 203, 203, 202, 202, 201,
        200, 200, 199, 198, 197, 197, 196, 195, 194, 193, 192, 191, 190, 189, 188, 187, 186, 184, 183, 182, 180, 179, 178, 176, 174, 173,
        171, 169, 167, 165, 163, 161, 158, 155, 152, 148, 143, 136,
    ];
}
