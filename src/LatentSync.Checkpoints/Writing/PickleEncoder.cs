using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using LatentSync.Checkpoints.PyTorch;

namespace LatentSync.Checkpoints.Writing;

/// <summary>Writes a dictionary as torch.save's pickler does, protocol 2, byte for byte; each tensor becomes a storage of its
/// own.</summary>
/// <remarks>Every string, tuple, name and container is memoised as Python memoises it; what Python would find there again by identity is
/// recalled.</remarks>
internal sealed class PickleEncoder
{
    private const int BatchLength = 1000;
    private const int MaxDepth = 64;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly MemoryStream _output = new();
    private readonly Dictionary<string, uint> _recallable = new(StringComparer.Ordinal);
    private readonly List<TensorPayload> _storages = [];
    private uint _memoCount;

    private PickleEncoder() { }

    /// <summary>The pickle, and the storages that it calls "0", "1", ...</summary>
    public static (ReadOnlyMemory<byte> Pickle, IReadOnlyList<TensorPayload> Storages) Encode(CheckpointDictionary root)
    {
        PickleEncoder encoder = new();
        encoder.Emit(PickleOpcode.Protocol);
        encoder._output.WriteByte(2);
        encoder.WriteDictionary(root, 0);
        encoder.Emit(PickleOpcode.Stop);
        return (encoder._output.GetBuffer().AsMemory(0, (int)encoder._output.Length), encoder._storages);
    }

    private void WriteDictionary(CheckpointDictionary dictionary, int depth)
    {
        if (depth > MaxDepth)
        {
            throw new ArgumentException($"Dictionaries are nested deeper than {MaxDepth}, or one contains itself.");
        }
        Emit(PickleOpcode.EmptyDictionary);
        Memoize();
        WriteBatches(
            [.. dictionary],
            PickleOpcode.SetItem,
            PickleOpcode.SetItems,
            item =>
            {
                WriteText(item.Key);
                WriteValue(item.Value, depth);
            }
        );
    }

    private void WriteValue(object value, int depth)
    {
        switch (value)
        {
            case CheckpointDictionary dictionary:
                WriteDictionary(dictionary, depth + 1);
                break;
            case TensorPayload tensor:
                WriteTensor(tensor);
                break;
            case bool flag:
                Emit(flag ? PickleOpcode.NewTrue : PickleOpcode.NewFalse);
                break;
            case long number:
                WriteInteger(number);
                break;
            case double number:
                WriteFloat(number);
                break;
            case string text:
                WriteText(text);
                break;
            case IReadOnlyList<double> numbers:
                Emit(PickleOpcode.EmptyList);
                Memoize();
                WriteBatches(numbers, PickleOpcode.Append, PickleOpcode.Appends, WriteFloat);
                break;
            default:
                throw new ArgumentException($"A {value.GetType().Name} cannot be written.");
        }
    }

    /// <summary>_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict()).</summary>
    private void WriteTensor(TensorPayload tensor)
    {
        WriteGlobal("torch._utils", "_rebuild_tensor_v2");
        Emit(PickleOpcode.Mark);

        Emit(PickleOpcode.Mark);
        WriteRecallable("storage");
        WriteGlobal("torch", $"{TorchGlobals.StorageClasses.First(c => c.Type == tensor.ElementType).Prefix}Storage");
        WriteText(_storages.Count.ToString(CultureInfo.InvariantCulture));
        WriteRecallable("cpu");
        WriteInteger(tensor.ByteCount / tensor.ElementType.SizeInBytes());
        Emit(PickleOpcode.Tuple);
        Memoize();
        Emit(PickleOpcode.BinaryPersistentId);

        WriteInteger(0);
        WriteTuple(tensor.Shape);
        WriteTuple(RowMajorStrides(tensor.Shape));
        Emit(PickleOpcode.NewFalse);
        WriteGlobal("collections", "OrderedDict");
        Emit(PickleOpcode.EmptyTuple);
        Emit(PickleOpcode.Reduce);
        Memoize();

        Emit(PickleOpcode.Tuple);
        Memoize();
        Emit(PickleOpcode.Reduce);
        Memoize();
        _storages.Add(tensor);
    }

    private void WriteTuple(IReadOnlyList<long> numbers)
    {
        if (numbers.Count == 0)
        {
            Emit(PickleOpcode.EmptyTuple);
            return;
        }
        if (numbers.Count > 3)
        {
            Emit(PickleOpcode.Mark);
        }
        foreach (long number in numbers)
        {
            WriteInteger(number);
        }
        Emit(
            numbers.Count switch
            {
                1 => PickleOpcode.Tuple1,
                2 => PickleOpcode.Tuple2,
                3 => PickleOpcode.Tuple3,
                _ => PickleOpcode.Tuple,
            }
        );
        Memoize();
    }

    private void WriteBatches<T>(IReadOnlyList<T> items, PickleOpcode single, PickleOpcode several, Action<T> write)
    {
        for (int start = 0; start < items.Count; start += BatchLength)
        {
            int end = Math.Min(start + BatchLength, items.Count);
            if (items.Count > 1)
            {
                Emit(PickleOpcode.Mark);
            }
            for (int i = start; i < end; i++)
            {
                write(items[i]);
            }
            Emit(items.Count > 1 ? several : single);
        }
    }

    private void WriteGlobal(string module, string name)
    {
        string line = $"{module}\n{name}\n";
        if (!Recall(line))
        {
            Emit(PickleOpcode.Global);
            _output.Write(Encoding.ASCII.GetBytes(line));
            _recallable[line] = Memoize();
        }
    }

    private void WriteRecallable(string text)
    {
        if (!Recall(text))
        {
            _recallable[text] = WriteText(text);
        }
    }

    private uint WriteText(string text)
    {
        byte[] bytes = StrictUtf8.GetBytes(text);
        Emit(PickleOpcode.BinaryUnicode);
        WriteUInt32((uint)bytes.Length);
        _output.Write(bytes);
        return Memoize();
    }

    private void WriteInteger(long value)
    {
        if (value is >= 0 and <= byte.MaxValue)
        {
            Emit(PickleOpcode.BinaryInt1);
            _output.WriteByte((byte)value);
        }
        else if (value is >= 0 and <= ushort.MaxValue)
        {
            Emit(PickleOpcode.BinaryInt2);
            _output.WriteByte((byte)value);
            _output.WriteByte((byte)(value >> 8));
        }
        else if (value is >= int.MinValue and <= int.MaxValue)
        {
            Emit(PickleOpcode.BinaryInt);
            WriteUInt32((uint)(int)value);
        }
        else
        {
            byte[] bytes = new System.Numerics.BigInteger(value).ToByteArray();
            Emit(PickleOpcode.Long1);
            _output.WriteByte((byte)bytes.Length);
            _output.Write(bytes);
        }
    }

    private void WriteFloat(double value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleBigEndian(bytes, value);
        Emit(PickleOpcode.BinaryFloat);
        _output.Write(bytes);
    }

    private bool Recall(string text)
    {
        if (!_recallable.TryGetValue(text, out uint index))
        {
            return false;
        }
        WriteIndexed(PickleOpcode.BinaryGet, PickleOpcode.LongBinaryGet, index);
        return true;
    }

    private uint Memoize()
    {
        WriteIndexed(PickleOpcode.BinaryPut, PickleOpcode.LongBinaryPut, _memoCount);
        return _memoCount++;
    }

    private void WriteIndexed(PickleOpcode small, PickleOpcode large, uint index)
    {
        if (index <= byte.MaxValue)
        {
            Emit(small);
            _output.WriteByte((byte)index);
        }
        else
        {
            Emit(large);
            WriteUInt32(index);
        }
    }

    private void WriteUInt32(uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        _output.Write(bytes);
    }

    private void Emit(PickleOpcode opcode) => _output.WriteByte((byte)opcode);

    private static long[] RowMajorStrides(IReadOnlyList<long> shape)
    {
        long[] strides = new long[shape.Count];
        long stride = 1;
        for (int axis = shape.Count - 1; axis >= 0; axis--)
        {
            strides[axis] = stride;
            stride *= Math.Max(1, shape[axis]);
        }
        return strides;
    }
}
