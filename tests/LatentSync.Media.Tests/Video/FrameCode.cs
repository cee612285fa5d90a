using LatentSync.Media.Video.Reading;

namespace LatentSync.Media.Tests.Video;

/// <summary>Frames that carry their number: ten vertical bars, bit 0 leftmost, black or white.</summary>
internal static class FrameCode
{
    public const int Bits = 10;

    public static byte[] Paint(int width, int height, int number)
    {
        var rgb = new byte[width * height * 3];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                int bit = x * Bits / width;
                byte value = (number >> bit & 1) == 1 ? (byte)255 : (byte)0;
                rgb.AsSpan(3 * (y * width + x), 3).Fill(value);
            }
        }

        return rgb;
    }

    public static int Read(VideoFrame frame)
    {
        int number = 0;
        for (int bit = 0; bit < Bits; bit++)
        {
            int x = (2 * bit + 1) * frame.Width / (2 * Bits);
            int at = 3 * (frame.Height / 2 * frame.Width + x);
            number |= frame.Rgb[at + 1] >= 128 ? 1 << bit : 0;
        }

        return number;
    }

    /// <summary>The numbers of all frames, each frame disposed; checks that indices count up from <paramref name="first"/>.</summary>
    public static async Task<List<int>> ReadAllAsync(IAsyncEnumerable<VideoFrame> frames, long first = 0)
    {
        var numbers = new List<int>();
        await foreach (VideoFrame frame in frames)
        {
            Assert.Equal(first + numbers.Count, frame.Index);
            numbers.Add(Read(frame));
            frame.Dispose();
        }

        return numbers;
    }
}
