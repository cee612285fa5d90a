using System.Globalization;
using LatentSync.Foundation.Faults;
using LatentSync.Media.Faces.Detection;
using LatentSync.Media.Faces.Masks;
using LatentSync.Testing;
using SkiaSharp;

namespace LatentSync.Media.Tests.Faces;

public sealed class FaceMaskTests : IDisposable
{
    private static readonly string Data = Path.Combine(RepositoryRoot.Find(), "tests", "Data", "masks");
    private readonly string _folder = Directory.CreateTempSubdirectory("masks ü'").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("mask", FaceMaskShape.CheeksAndJaw, 26673)]
    [InlineData("mask2", FaceMaskShape.Jaw, 22119)]
    [InlineData("mask3", FaceMaskShape.HalfDisc, 12651)]
    [InlineData("mask4", FaceMaskShape.BandAndJaw, 38303)]
    public void Create_At256_EqualsTheOriginalInEveryPixel(string name, FaceMaskShape shape, int black)
    {
        byte[] expected = ReadRows(name);

        FaceMask mask = FaceMask.Create(256, shape);

        Assert.Equal(expected, mask.Values);
        Assert.Equal(black, mask.Values.Count(v => v == 0));
    }

    [Theory]
    [InlineData(FaceMaskShape.CheeksAndJaw, 102152, 150806, 39639534)]
    [InlineData(FaceMaskShape.Jaw, 84708, 169794, 44284614)]
    [InlineData(FaceMaskShape.HalfDisc, 47776, 208610, 53941984)]
    [InlineData(FaceMaskShape.BandAndJaw, 148632, 104246, 27776934)]
    public void Create_At512_HasTheGreyEdgesOfLanczos(FaceMaskShape shape, int zeros, int full, long sum)
    {
        FaceMask mask = FaceMask.Create(512, shape);

        Assert.Equal(zeros, mask.Values.Count(v => v == 0));
        Assert.Equal(full, mask.Values.Count(v => v == 255));
        Assert.Equal(sum, mask.Values.Sum(v => (long)v));
    }

    [Theory]
    [InlineData(256, "mask_latent32_from256.tsv", 1)]
    [InlineData(512, "mask_latent64_from512.tsv", 255)]
    public void CopyLatentTo_StandardMask_EqualsTheTable(int resolution, string file, int divisor)
    {
        float[] expected =
        [
            .. File.ReadLines(Path.Combine(Data, file))
                .SelectMany(line => line.Split('\t'))
                .Select(value => float.Parse(value, CultureInfo.InvariantCulture) / divisor),
        ];
        float[] latent = new float[resolution / 8 * (resolution / 8)];

        FaceMask.Create(resolution).CopyLatentTo(latent);

        Assert.Equal(expected, latent);
    }

    [Fact]
    public void Load_WrittenPng_IsTheSameMask()
    {
        FaceMask drawn = FaceMask.Create(256, FaceMaskShape.BandAndJaw);
        string path = Write("mask.png", 256, 256, (x, y) => drawn.Values[(y * 256) + x]);

        FaceMask loaded = FaceMask.Load(path, 256);

        Assert.Equal(drawn.Values, loaded.Values);
        Assert.Equal(path, loaded.Source);
    }

    [Fact]
    public void Load_OtherSize_IsStretched()
    {
        string path = Write("wide.png", 100, 20, (x, _) => (byte)(x < 50 ? 255 : 0));

        FaceMask mask = FaceMask.Load(path, 128);

        Assert.Equal(255, mask.Values[(64 * 128) + 10]);
        Assert.Equal(0, mask.Values[(64 * 128) + 120]);
    }

    [Fact]
    public void Load_WhitePicture_IsRefused()
    {
        FaceException e = Assert.Throws<FaceException>(() => FaceMask.Load(Write("white.png", 16, 16, (_, _) => 255), 256));

        Assert.Equal(FaceFault.Mask, e.Fault);
        Assert.Contains("nothing would be generated", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_TextFile_SaysWhatIsRequired()
    {
        string path = Path.Combine(_folder, "text.png");
        File.WriteAllText(path, "not a picture");

        FaceException e = Assert.Throws<FaceException>(() => FaceMask.Load(path, 256));

        Assert.Equal("FAC0102", e.Code);
        Assert.Contains("PNG", e.Message, StringComparison.Ordinal);
        Assert.Equal(FaultKind.Input, e.Kind);
    }

    [Fact]
    public void Load_TruncatedPng_IsRefused()
    {
        string path = Write("cut.png", 64, 64, (x, y) => (byte)(x * y));
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..200]);

        Assert.Equal(FaceFault.Mask, Assert.Throws<FaceException>(() => FaceMask.Load(path, 256)).Fault);
    }

    [Fact]
    public void Load_HugeDimensionsInTheHeader_IsRefusedBeforeDecoding()
    {
        // signature and IHDR of a 60000 x 60000 PNG; the checksum is right
        byte[] header = Convert.FromHexString("89504E470D0A1A0A0000000D494844520000EA600000EA600800000000");
        string path = Path.Combine(_folder, "huge.png");
        File.WriteAllBytes(path, [.. header, .. Crc(header.AsSpan(12))]);

        Assert.Equal(FaceFault.Mask, Assert.Throws<FaceException>(() => FaceMask.Load(path, 256)).Fault);
    }

    [Fact]
    public void Load_MissingFile_NamesIt()
    {
        FaceException e = Assert.Throws<FaceException>(() => FaceMask.Load(Path.Combine(_folder, "none.png"), 256));

        Assert.Equal(FaceFault.Missing, e.Fault);
        Assert.Contains("none.png", e.Message, StringComparison.Ordinal);
    }

    private static byte[] Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
            }
        }
        crc = ~crc;
        return [(byte)(crc >> 24), (byte)(crc >> 16), (byte)(crc >> 8), (byte)crc];
    }

    private string Write(string name, int width, int height, Func<int, int, byte> level)
    {
        using var bitmap = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                byte v = level(x, y);
                bitmap.SetPixel(x, y, new SKColor(v, v, v));
            }
        }
        string path = Path.Combine(_folder, name);
        using FileStream stream = File.Create(path);
        _ = bitmap.Encode(stream, SKEncodedImageFormat.Png, 100);
        return path;
    }

    private static byte[] ReadRows(string name)
    {
        byte[] mask = new byte[256 * 256];
        mask.AsSpan().Fill(255);
        foreach (string[] cells in File.ReadLines(Path.Combine(Data, "mask_rows_256.tsv")).Skip(1).Select(line => line.Split('\t')))
        {
            if (cells[0] != name || cells[3] == "-")
            {
                continue;
            }
            for (
                int row = int.Parse(cells[1], CultureInfo.InvariantCulture);
                row <= int.Parse(cells[2], CultureInfo.InvariantCulture);
                row++
            )
            {
                foreach (string span in cells[3].Split(','))
                {
                    int[] ends = [.. span.Split('-').Select(v => int.Parse(v, CultureInfo.InvariantCulture))];
                    mask.AsSpan((row * 256) + ends[0], ends[1] - ends[0] + 1).Clear();
                }
            }
        }
        return mask;
    }
}
