using LatentSync.Media.Faces.Detection;

namespace LatentSync.Media.Tests.Faces;

/// <summary>Writes models of face points as dlib does, right ones and wrong ones.</summary>
internal sealed class ShapeModelWriter
{
    private readonly MemoryStream _bytes = new();

    public byte[] Bytes => _bytes.ToArray();

    /// <summary>A random model whose trees move points by little.</summary>
    public static ShapeModel Random(int seed, int points = 68, int stages = 3, int trees = 5, int splits = 7, int pixels = 20)
    {
        var random = new Random(seed);
        float[] mean = [.. Enumerable.Range(0, 2 * points).Select(_ => random.NextSingle())];
        return new ShapeModel(mean, [.. Enumerable.Range(0, stages).Select(_ => Stage())]);

        ShapeStage Stage() =>
            new(
                [.. Enumerable.Range(0, pixels).Select(_ => random.Next(points))],
                [.. Enumerable.Range(0, 2 * pixels).Select(_ => 0.4f * (random.NextSingle() - 0.5f))],
                trees,
                splits,
                [.. Enumerable.Range(0, trees * splits).Select(_ => (ushort)random.Next(pixels))],
                [.. Enumerable.Range(0, trees * splits).Select(_ => (ushort)random.Next(pixels))],
                [.. Enumerable.Range(0, trees * splits).Select(_ => 100 * (random.NextSingle() - 0.5f))],
                [.. Enumerable.Range(0, trees * (splits + 1) * 2 * points).Select(_ => 0.05f * (random.NextSingle() - 0.5f))]
            );
    }

    public static byte[] Write(ShapeModel model)
    {
        var writer = new ShapeModelWriter();
        writer.Integer(1).Column(model.MeanShape).Integer(model.Stages.Count);
        foreach (ShapeStage stage in model.Stages)
        {
            writer.Trees(stage, model.MeanShape.Length);
        }
        writer.Integer(model.Stages.Count);
        foreach (ShapeStage stage in model.Stages)
        {
            writer.Integer(stage.Anchors.Length);
            Array.ForEach(stage.Anchors, anchor => writer.Integer(anchor));
        }
        writer.Integer(model.Stages.Count);
        foreach (ShapeStage stage in model.Stages)
        {
            writer.Integer(stage.Anchors.Length);
            Array.ForEach(stage.Offsets, offset => writer.Number(offset));
        }
        return writer.Bytes;
    }

    public ShapeModelWriter Integer(long value)
    {
        Span<byte> bytes = stackalloc byte[9];
        ulong rest = (ulong)Math.Abs(value);
        int count = 0;
        for (; rest != 0; rest >>= 8)
        {
            bytes[++count] = (byte)rest;
        }
        bytes[0] = (byte)(count | (value < 0 ? 0x80 : 0));
        _bytes.Write(bytes[..(count + 1)]);
        return this;
    }

    public ShapeModelWriter Number(float value)
    {
        if (float.IsNaN(value))
        {
            return Integer(0).Integer(32002);
        }
        if (float.IsInfinity(value))
        {
            return Integer(0).Integer(value > 0 ? 32000 : 32001);
        }
        int exponent = value == 0 ? 0 : Math.ILogB(value) - 23;
        return Integer((long)Math.ScaleB(value, -exponent)).Integer(exponent);
    }

    public ShapeModelWriter Column(ReadOnlySpan<float> values)
    {
        Integer(-values.Length).Integer(-1);
        foreach (float value in values)
        {
            Number(value);
        }
        return this;
    }

    private void Trees(ShapeStage stage, int size)
    {
        Integer(stage.Trees);
        for (int tree = 0; tree < stage.Trees; tree++)
        {
            Integer(stage.SplitsPerTree);
            for (int i = tree * stage.SplitsPerTree; i < (tree + 1) * stage.SplitsPerTree; i++)
            {
                Integer(stage.First[i]).Integer(stage.Second[i]).Number(stage.Thresholds[i]);
            }
            Integer(stage.SplitsPerTree + 1);
            for (int leaf = 0; leaf <= stage.SplitsPerTree; leaf++)
            {
                Column(stage.Leaves.AsSpan(((tree * (stage.SplitsPerTree + 1)) + leaf) * size, size));
            }
        }
    }
}
