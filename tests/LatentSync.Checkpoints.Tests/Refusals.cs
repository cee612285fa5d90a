namespace LatentSync.Checkpoints.Tests;

/// <summary>Checks that a file is refused for the right reason.</summary>
internal static class Refusals
{
    public static CheckpointFormatException Of(byte[] content, params string[] expectedWords)
    {
        using TemporaryFolder folder = new();
        return Of(folder.Write("model.bin", content), expectedWords);
    }

    public static CheckpointFormatException Of(string path, params string[] expectedWords)
    {
        CheckpointFormatException refusal = Assert.Throws<CheckpointFormatException>(() => TensorArchive.Open(path).Dispose());
        Assert.Equal(path, refusal.Path);
        Assert.StartsWith($"{path}: ", refusal.Message, StringComparison.Ordinal);
        Assert.All(expectedWords, word => Assert.Contains(word, refusal.Message, StringComparison.Ordinal));
        Assert.InRange(refusal.Message.Length, 1, 2000);
        return refusal;
    }

    /// <summary>Opens and reads every tensor; anything but success or a refusal fails the test.</summary>
    /// <returns>True if the file was accepted.</returns>
    public static bool OpensOrIsRefused(string path)
    {
        try
        {
            using TensorArchive archive = TensorArchive.Open(path);
            foreach (TensorInfo tensor in archive.Tensors.Values)
            {
                long bytes = tensor.ElementCount * tensor.ElementType.SizeInBytes();
                Assert.InRange(bytes, 0, 1 << 20);
                archive.CopyTo(tensor.Name, tensor.ElementType, new byte[bytes]);
            }
            return true;
        }
        catch (CheckpointFormatException)
        {
            return false;
        }
    }
}
