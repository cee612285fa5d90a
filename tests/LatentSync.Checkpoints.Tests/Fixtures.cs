using System.Runtime.InteropServices;

namespace LatentSync.Checkpoints.Tests;

/// <summary>Files that Data/make_torch_fixtures.py made with Python's own pickle and zipfile.</summary>
internal static class Fixtures
{
    public static string Path(string name) => System.IO.Path.Combine(AppContext.BaseDirectory, "Data", name);

    public static byte[] Bytes(string name) => File.ReadAllBytes(Path(name));

    /// <summary>A tensor of an archive, as elements.</summary>
    public static T[] Read<T>(this TensorArchive archive, string name, TensorElementType type)
        where T : unmanaged
    {
        T[] elements = new T[archive.Tensors[name].ElementCount];
        archive.CopyTo(name, type, MemoryMarshal.AsBytes(elements.AsSpan()));
        return elements;
    }

    public static float[] ReadFloats(this TensorArchive archive, string name) => archive.Read<float>(name, TensorElementType.Float32);

    public static TensorPayload Payload<T>(TensorElementType type, long[] shape, params T[] elements)
        where T : unmanaged => TensorPayload.FromBytes(type, shape, MemoryMarshal.AsBytes<T>(elements).ToArray());
}
