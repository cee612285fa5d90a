using System.Buffers.Binary;
using System.Text;
using LatentSync.Checkpoints.Files;
using LatentSync.Checkpoints.PyTorch;

namespace LatentSync.Checkpoints.Tests;

/// <summary>Pickles put together by hand, and what the machine makes of them.</summary>
internal static class PickleBytes
{
    /// <summary>Protocol 2 header, the parts, STOP. A string stands for its Latin-1 bytes, a number for one byte.</summary>
    public static byte[] Make(params object[] parts) => [0x80, 2, .. parts.SelectMany(Bytes), (byte)'.'];

    /// <summary>BINUNICODE.</summary>
    public static byte[] Text(string text) =>
        [(byte)'X', .. UInt32((uint)Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];

    /// <summary>GLOBAL.</summary>
    public static string Global(string module, string name) => $"c{module}\n{name}\n";

    public static byte[] UInt32(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }

    /// <summary>('storage', torch.FloatStorage, key, 'cpu', count) as a persistent id.</summary>
    public static byte[] Storage(string key, byte count, string type = "FloatStorage") =>
        [.. new object[] { "(", Text("storage"), Global("torch", type), Text(key), Text("cpu"), "K", (int)count, "tQ" }.SelectMany(Bytes)];

    /// <summary>_rebuild_tensor_v2 of a storage; offset, size and stride are pickled values.</summary>
    public static byte[] Tensor(byte[] storage, object offset, object size, object stride) =>
        [
            .. new object[]
            {
                Global("torch._utils", "_rebuild_tensor_v2"),
                "(",
                storage,
                offset,
                size,
                stride,
                "\u0089",
                Global("collections", "OrderedDict"),
                ")R",
                "tR",
            }.SelectMany(Bytes),
        ];

    /// <summary>A tuple of small numbers.</summary>
    public static byte[] Tuple(params byte[] numbers) => [(byte)'(', .. numbers.SelectMany(n => new[] { (byte)'K', n }), (byte)'t'];

    public static object? Run(byte[] pickle, PickleLimits? limits = null)
    {
        using TemporaryFolder folder = new();
        using CheckpointFile file = CheckpointFile.Open(folder.Write("value.pkl", pickle));
        return PickleMachine.Run(new PickleInput(file, 0, file.Length, limits ?? PickleLimits.Default), limits ?? PickleLimits.Default);
    }

    /// <summary>A whole checkpoint around a pickle.</summary>
    public static byte[] InArchive(byte[] pickle, params (string Key, byte[] Data)[] storages) =>
        new ZipBytes
        {
            { "archive/data.pkl", pickle },
            { "archive/byteorder", "little"u8.ToArray() },
            storages.Select(s => ($"archive/data/{s.Key}", s.Data)),
            { "archive/version", "3\n"u8.ToArray() },
        }.Build();

    public static IEnumerable<byte> Bytes(object part) =>
        part switch
        {
            string text => Encoding.Latin1.GetBytes(text),
            int number => [(byte)number],
            byte[] bytes => bytes,
            _ => throw new ArgumentException($"{part}"),
        };
}
