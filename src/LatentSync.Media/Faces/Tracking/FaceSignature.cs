using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Faces.Tracking;

/// <summary>How an aligned face looks: its brightness pattern, colours and edges. Tells a face from a picture of something else, and, less
/// surely, persons from each other.</summary>
/// <remarks>No network: a normalised patch of brightness for "is this still the same picture", and histograms of colour and of edge
/// directions (Dalal and Triggs 2005) of the face without its mouth for "is this the same person". Lighting that changes much changes the
/// colours too.</remarks>
public sealed class FaceSignature
{
    private const int Width = 26,
        Height = 35,
        Scale = 4; // the template is warped four times as large and averaged, so that large faces do not alias
    private const int CellsAcross = 4,
        CellsDown = 4,
        Directions = 8;

    // Rows above the upper lip.
    private const int RowsWithoutMouth = 19;
    private const int ColourBins = 12;
    private const double ColourSpan = 0.2;

    private readonly float[] _pattern;
    private readonly float[] _edges;
    private readonly float[] _colours;

    private FaceSignature(float[] pattern, float[] edges, float[] colours) => (_pattern, _edges, _colours) = (pattern, edges, colours);

    /// <summary>Looks at a face.</summary>
    /// <param name="frame">The frame. Not modified.</param>
    /// <param name="points">Where the face is in it.</param>
    /// <exception cref="ArgumentException">The points coincide or are not finite.</exception>
    public static FaceSignature Of(VideoFrame frame, AlignmentPoints points)
    {
        ArgumentNullException.ThrowIfNull(frame);
        FaceTemplate template = new(128);
        AffineMatrix matrix = new FaceAligner(template, smoothing: false).Align(points);
        // 105 x 140 at 128; the patch is a quarter of that.
        FaceImage crop = FaceWarper.Warp(frame, matrix, Width * Scale, Height * Scale);
        float[] planes = Averaged(crop);
        float[] luma = Luma(planes);
        return new FaceSignature(PatternOf(luma), EdgesOf(luma), ColoursOf(planes, luma));
    }

    /// <summary>How well two pictures agree in their pattern of brightness: 1 the same, 0 unrelated; 0 where one of them is uniform and the
    /// other is not.</summary>
    /// <param name="other">The other one.</param>
    public double CorrelationWith(FaceSignature other)
    {
        ArgumentNullException.ThrowIfNull(other);
        double sum = 0,
            own = 0,
            others = 0;
        for (int i = 0; i < _pattern.Length; i++)
        {
            sum += _pattern[i] * other._pattern[i];
            own += _pattern[i] * _pattern[i];
            others += other._pattern[i] * other._pattern[i];
        }
        // Two uniform pictures cannot be told apart.
        return own == 0 && others == 0 ? 1 : sum;
    }

    /// <summary>How unlike two faces are as persons: 0 the same picture, about 1 nothing in common.</summary>
    /// <param name="other">The other one.</param>
    public double DistanceTo(FaceSignature other)
    {
        ArgumentNullException.ThrowIfNull(other);
        double edges = 0,
            colours = 0;
        for (int i = 0; i < _edges.Length; i++)
        {
            edges += Math.Abs(_edges[i] - other._edges[i]);
        }
        for (int i = 0; i < _colours.Length; i++)
        {
            colours += Math.Min(_colours[i], other._colours[i]);
        }
        return (0.5 * edges / (2 * CellsAcross * CellsDown)) + (0.5 * (1 - colours));
    }

    /// <summary>(3, Height, Width) in 0..1, each value the mean of its square.</summary>
    private static float[] Averaged(FaceImage crop)
    {
        float[] planes = new float[3 * Width * Height];
        for (int y = 0; y < Height * Scale; y++)
        {
            for (int x = 0; x < Width * Scale; x++)
            {
                int from = 3 * ((y * Width * Scale) + x),
                    to = (y / Scale * Width) + (x / Scale);
                for (int c = 0; c < 3; c++)
                {
                    planes[(c * Width * Height) + to] += crop.Rgb[from + c] / (255f * Scale * Scale);
                }
            }
        }
        return planes;
    }

    private static float[] PatternOf(float[] luma)
    {
        float[] pattern = [.. luma];
        float mean = pattern.Average();
        double squares = 0;
        for (int i = 0; i < pattern.Length; i++)
        {
            pattern[i] -= mean;
            squares += pattern[i] * pattern[i];
        }
        // Below a grey level and a half of contrast there is no pattern, only the encoder's noise.
        const double Least = 1.5 / 255;
        double norm = Math.Sqrt(squares);
        if (norm < Least * Math.Sqrt(pattern.Length))
        {
            return new float[pattern.Length];
        }
        return Array.ConvertAll(pattern, value => (float)(value / norm));
    }

    /// <summary>For each cell the share of each edge direction; a cell without edges has none.</summary>
    private static float[] EdgesOf(float[] luma)
    {
        float[] edges = new float[CellsAcross * CellsDown * Directions];
        for (int y = 1; y < RowsWithoutMouth; y++)
        {
            for (int x = 1; x < Width - 1; x++)
            {
                int at = (y * Width) + x;
                double dx = luma[at + 1] - luma[at - 1],
                    dy = luma[at + Width] - luma[at - Width];
                double angle = (Math.Atan2(dy, dx) / Math.PI * Directions) + Directions; // a half turn is the same edge
                int cell = (y * CellsDown / RowsWithoutMouth * CellsAcross) + (x * CellsAcross / Width),
                    low = (int)Math.Floor(angle);
                double strength = Math.Sqrt((dx * dx) + (dy * dy)),
                    high = angle - low;
                edges[(cell * Directions) + (low % Directions)] += (float)(strength * (1 - high));
                edges[(cell * Directions) + ((low + 1) % Directions)] += (float)(strength * high);
            }
        }
        const float Noise = 0.5f; // about a grey level and a half at each pixel of the cell
        for (int cell = 0; cell < CellsAcross * CellsDown; cell++)
        {
            Span<float> own = edges.AsSpan(cell * Directions, Directions);
            float sum = 0;
            foreach (float value in own)
            {
                sum += value;
            }
            foreach (ref float value in own)
            {
                value /= sum + Noise;
            }
        }
        return edges;
    }

    /// <summary>Shares of the colours, red and blue against brightness, linearly between bins.</summary>
    private static float[] ColoursOf(float[] planes, float[] luma)
    {
        int size = Width * Height;
        float[] colours = new float[ColourBins * ColourBins];
        int count = Width * RowsWithoutMouth;
        for (int i = 0; i < count; i++)
        {
            double red = Bin(planes[i] - luma[i]),
                blue = Bin(planes[(2 * size) + i] - luma[i]);
            int r = (int)red,
                b = (int)blue;
            float fr = (float)(red - r),
                fb = (float)(blue - b);
            colours[(r * ColourBins) + b] += (1 - fr) * (1 - fb) / count;
            colours[((r + 1) * ColourBins) + b] += fr * (1 - fb) / count;
            colours[(r * ColourBins) + b + 1] += (1 - fr) * fb / count;
            colours[((r + 1) * ColourBins) + b + 1] += fr * fb / count;
        }
        return colours;

        static double Bin(double difference) => Math.Clamp(((difference / ColourSpan) + 1) / 2 * (ColourBins - 1), 0, ColourBins - 1.001);
    }

    private static float[] Luma(float[] planes)
    {
        int size = Width * Height;
        float[] luma = new float[size];
        for (int i = 0; i < size; i++)
        {
            luma[i] = (0.299f * planes[i]) + (0.587f * planes[size + i]) + (0.114f * planes[(2 * size) + i]);
        }
        return luma;
    }
}
