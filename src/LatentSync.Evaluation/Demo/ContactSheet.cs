using System.Runtime.InteropServices;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Video.Reading;
using SkiaSharp;

namespace LatentSync.Evaluation.Demo;

/// <summary>A picture with the faces of one video above those of others, frame under frame.</summary>
internal sealed class ContactSheet : IDisposable
{
    private const int Gap = 4;

    private readonly SKBitmap _sheet;
    private readonly SKCanvas _canvas;
    private readonly int _side;
    private readonly int _rows;

    /// <summary>Prepares an empty sheet.</summary>
    /// <param name="columns">Frames in a row, at least 1.</param>
    /// <param name="rows">Kinds of frames, at least 1.</param>
    /// <param name="side">Side of one frame in pixels.</param>
    public ContactSheet(int columns, int rows, int side)
    {
        _side = side;
        _rows = rows;
        Columns = columns;
        _sheet = new SKBitmap(
            new SKImageInfo(columns * (side + Gap) + Gap, rows * (side + Gap) + Gap, SKColorType.Rgba8888, SKAlphaType.Opaque)
        );
        _canvas = new SKCanvas(_sheet);
        _canvas.Clear(new SKColor(0x20, 0x22, 0x26));
    }

    /// <summary>Frames in a row.</summary>
    public int Columns { get; }

    /// <summary>Puts a face in its place, shrunk or enlarged.</summary>
    /// <param name="frame">The frame.</param>
    /// <param name="face">Where the face is; the square around it is shown, moved into the frame where it leaves it.</param>
    /// <param name="column">From 0; columns beyond the last are left out.</param>
    /// <param name="row">From 0.</param>
    public void Put(VideoFrame frame, FaceBox face, int column, int row)
    {
        if (column >= Columns || row >= _rows)
        {
            return;
        }
        using SKBitmap bitmap = ToBitmap(frame);
        using SKImage image = SKImage.FromBitmap(bitmap);
        float square = (float)Math.Clamp(face.Bottom - face.Top, 1, Math.Min(frame.Width, frame.Height));
        float left = (float)Math.Clamp(face.Centre.X - square / 2, 0, frame.Width - square);
        float top = (float)Math.Clamp(face.Bottom - square, 0, frame.Height - square);
        SKRect from = SKRect.Create(left, top, square, square);
        SKRect to = SKRect.Create(Gap + column * (_side + Gap), Gap + row * (_side + Gap), _side, _side);
        _canvas.DrawImage(image, from, to, new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear));
    }

    /// <summary>The sheet as a PNG file.</summary>
    public byte[] ToPng()
    {
        _canvas.Flush();
        using SKData png = _sheet.Encode(SKEncodedImageFormat.Png, 100);
        return png.ToArray();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _canvas.Dispose();
        _sheet.Dispose();
    }

    private static SKBitmap ToBitmap(VideoFrame frame)
    {
        SKBitmap bitmap = new(new SKImageInfo(frame.Width, frame.Height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        byte[] rgba = new byte[frame.Width * frame.Height * 4];
        ReadOnlySpan<byte> rgb = frame.Rgb;
        for (int from = 0, to = 0; from < rgb.Length; from += 3, to += 4)
        {
            rgba[to] = rgb[from];
            rgba[to + 1] = rgb[from + 1];
            rgba[to + 2] = rgb[from + 2];
            rgba[to + 3] = 255;
        }
        Marshal.Copy(rgba, 0, bitmap.GetPixels(), rgba.Length);
        return bitmap;
    }
}
