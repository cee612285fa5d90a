using LatentSync.Media.Faces.Alignment;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Synthesis;
using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Tests.Faces;

/// <summary>A dozen drawn persons, drawn once, and scenes that are put together from their pictures.</summary>
internal sealed class DrawnCast
{
    /// <summary>Persons there are.</summary>
    public const int Persons = 12;

    /// <summary>Side of one person's picture.</summary>
    public const int Side = 96;

    /// <summary>Places side by side in a scene.</summary>
    public const int Places = 3;

    private const int Frames = 50;

    private readonly (byte[] Rgb, AlignmentPoints Points)[][] _drawn;

    /// <summary>Draws everybody.</summary>
    public DrawnCast() => _drawn = [.. Enumerable.Range(0, Persons).Select(Draw)];

    /// <summary>One frame: each place shows a person, or nobody.</summary>
    /// <param name="index">Of the frame.</param>
    /// <param name="backdrop">Chooses the wall behind.</param>
    /// <param name="who">At each place a person, -1: nobody.</param>
    public VideoFrame Frame(int index, int backdrop, int[] who)
    {
        byte[] rgb = new byte[3 * Places * Side * Side];
        Random wall = new(backdrop);
        byte[] colour = [(byte)wall.Next(40, 220), (byte)wall.Next(40, 220), (byte)wall.Next(40, 220)];
        for (int i = 0; i < rgb.Length; i++)
        {
            // A wall with a window, so that shots differ in more than one colour.
            int x = i / 3 % (Places * Side),
                y = i / 3 / (Places * Side);
            bool isWindow = (x + (17 * (backdrop % 7))) / 24 % 3 == 0 && y < 30;
            rgb[i] = (byte)(isWindow ? 255 - colour[i % 3] : colour[i % 3]);
        }
        for (int place = 0; place < who.Length; place++)
        {
            if (who[place] >= 0)
            {
                byte[] picture = _drawn[who[place]][index % Frames].Rgb;
                for (int y = 0; y < Side; y++)
                {
                    picture.AsSpan(3 * y * Side, 3 * Side).CopyTo(rgb.AsSpan(3 * ((y * Places * Side) + (place * Side))));
                }
            }
        }
        return new VideoFrame(Places * Side, Side, rgb, index);
    }

    /// <summary>What a detector finds at a place.</summary>
    /// <param name="index">Of the frame.</param>
    /// <param name="person">Who is there.</param>
    /// <param name="place">Where.</param>
    public DetectedFace Face(int index, int person, int place)
    {
        AlignmentPoints points = _drawn[person][index % Frames].Points.Transform(new AffineMatrix(1, 0, place * Side, 0, 1, 0));
        return new DetectedFace(FaceProportions.BoxAround(points), 1, points, true);
    }

    private static (byte[] Rgb, AlignmentPoints Points)[] Draw(int person)
    {
        SyntheticClip clip = SyntheticClip.Generate(
            new SyntheticClipOptions
            {
                Seed = 5000 + person,
                DurationSeconds = Frames / 25.0,
                Width = Side,
                Height = Side,
            }
        );
        List<(byte[], AlignmentPoints)> frames = [];
        foreach (SyntheticFrame frame in clip.Frames())
        {
            using (frame)
            {
                frames.Add(((byte[])frame.Frame.Rgb.Clone(), frame.Landmarks.Alignment));
            }
        }
        return [.. frames];
    }
}
