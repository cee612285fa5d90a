using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Video.Reading;
using OpenCvSharp;

namespace LatentSync.Media.Tests.Faces;

/// <summary>Frames of the tests' own making.</summary>
internal static class TestFrames
{
    public static VideoFrame Plain(int width, int height, byte red, byte green, byte blue)
    {
        byte[] rgb = new byte[3 * width * height];
        for (int i = 0; i < rgb.Length; i += 3)
        {
            (rgb[i], rgb[i + 1], rgb[i + 2]) = (red, green, blue);
        }
        return new VideoFrame(width, height, rgb, 0);
    }

    /// <summary>Smooth waves of different direction in each channel: nothing finer than about 12 pixels.</summary>
    public static VideoFrame Waves(int width, int height)
    {
        byte[] rgb = new byte[3 * width * height];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                int i = 3 * ((y * width) + x);
                rgb[i] = Level(Math.Sin(0.31 * x) + Math.Cos(0.23 * y));
                rgb[i + 1] = Level(Math.Sin((0.2 * x) + (0.3 * y)) + Math.Sin(0.05 * x));
                rgb[i + 2] = Level(Math.Cos((0.27 * x) - (0.12 * y)) + Math.Cos(0.04 * y));
            }
        }
        return new VideoFrame(width, height, rgb, 0);

        static byte Level(double wave) => (byte)(127.5 + (60 * wave));
    }

    /// <summary>A drawn face from the front; its eyes are at (x ± 0.5 d, y).</summary>
    public static VideoFrame Face(int width, int height, double x, double y, double eyes, long index = 0)
    {
        using var picture = new Mat(height, width, MatType.CV_8UC3, new Scalar(70, 95, 80));
        const int shift = 4,
            one = 1 << shift;
        Ellipse(0, 0.62, 1.08, 1.50, new Scalar(60, 40, 30)); // hair
        Ellipse(0, 0.68, 0.95, 1.30, new Scalar(214, 170, 145));
        Ellipse(0, -0.25, 0.80, 0.30, new Scalar(224, 182, 158)); // brow's light
        foreach (double side in (double[])[-0.5, 0.5])
        {
            Ellipse(side, 0.02, 0.30, 0.17, new Scalar(180, 132, 112)); // socket
            Ellipse(side, 0, 0.21, 0.09, new Scalar(240, 236, 232));
            Ellipse(side, 0, 0.085, 0.085, new Scalar(50, 36, 30));
            Ellipse(side, -0.28, 0.27, 0.06, new Scalar(70, 48, 38));
            Ellipse(side * 1.15, 0.55, 0.24, 0.22, new Scalar(222, 172, 150)); // cheek
        }
        Ellipse(0, 0.25, 0.10, 0.36, new Scalar(226, 184, 162)); // bridge
        Ellipse(0, 0.60, 0.17, 0.08, new Scalar(176, 124, 106));
        Ellipse(0, 1.12, 0.36, 0.11, new Scalar(168, 78, 78));
        Ellipse(0, 1.12, 0.28, 0.02, new Scalar(90, 30, 34));
        Cv2.GaussianBlur(picture, picture, new Size(0, 0), Math.Max(0.6, eyes * 0.02));
        byte[] rgb = new byte[3 * width * height];
        System.Runtime.InteropServices.Marshal.Copy(picture.Data, rgb, 0, rgb.Length);
        return new VideoFrame(width, height, rgb, index);

        void Ellipse(double cx, double cy, double rx, double ry, Scalar colour) =>
            Cv2.Ellipse(
                picture,
                new Point((int)((x + (cx * eyes)) * one), (int)((y + (cy * eyes)) * one)),
                new Size((int)(rx * eyes * one), (int)(ry * eyes * one)),
                0,
                0,
                360,
                colour,
                -1,
                LineTypes.AntiAlias,
                shift
            );
    }

    public static double Psnr(VideoFrame a, VideoFrame b, FaceBox box)
    {
        double squares = 0;
        long count = 0;
        for (int y = Math.Max(0, (int)box.Top); y < Math.Min(a.Height, box.Bottom); y++)
        {
            for (int x = Math.Max(0, (int)box.Left); x < Math.Min(a.Width, box.Right); x++)
            {
                for (int c = 0; c < 3; c++)
                {
                    int i = (3 * ((y * a.Width) + x)) + c;
                    double d = a.Rgb[i] - b.Rgb[i];
                    squares += d * d;
                    count++;
                }
            }
        }
        return 10 * Math.Log10(255 * 255 / (squares / count));
    }
}
