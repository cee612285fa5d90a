using System.Numerics;
using LatentSync.Foundation.Wording;

namespace LatentSync.Checkpoints.PyTorch;

/// <summary>
/// Builds the plain data of a pickle (protocols 2 to 5) and nothing else: a name outside <see cref="TorchGlobals"/> is refused when it is
/// mentioned, before anything could be done with it.
/// </summary>
/// <remarks>One instance reads one pickle. No step recurses, and <see cref="PickleLimits"/> bounds steps, strings and copies.</remarks>
internal sealed class PickleMachine
{
    private readonly PickleInput _input;
    private readonly PickleLimits _limits;
    private readonly TorchRebuild _rebuild;
    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = new();
    private readonly Dictionary<uint, object?> _memo = [];
    private readonly Action<PickleStorage>? _onStorage;
    private long _steps;

    private PickleMachine(PickleInput input, PickleLimits limits, Action<PickleStorage>? onStorage)
    {
        _input = input;
        _limits = limits;
        _onStorage = onStorage;
        _rebuild = new TorchRebuild(input.Refuse, Charge, limits);
    }

    /// <summary>Reads one pickle up to and including its STOP.</summary>
    /// <param name="input">Its bytes.</param>
    /// <param name="limits">Bounds.</param>
    /// <param name="onStorage">Told of every storage that is mentioned.</param>
    /// <exception cref="CheckpointFormatException">It is damaged, exceeds a limit, or asks for something that is not permitted.</exception>
    public static object? Run(PickleInput input, PickleLimits limits, Action<PickleStorage>? onStorage = null) =>
        new PickleMachine(input, limits, onStorage).Run();

    private object? Run()
    {
        if (_input.ReadByte() != (byte)PickleOpcode.Protocol)
        {
            throw _input.Refuse(
                "a pickle of protocol 2 to 5 begins with byte 0x80",
                "Save it again in Python: torch.save(state_dict, path)"
            );
        }
        byte protocol = _input.ReadByte();
        if (protocol is < 2 or > 5)
        {
            throw _input.Refuse($"pickle protocol {protocol} is not read; 2 to 5 are");
        }
        while (true)
        {
            Charge(1);
            byte instruction = _input.ReadByte();
            if (instruction == (byte)PickleOpcode.Stop)
            {
                return _stack is [var result] && _marks.Count == 0
                    ? result
                    : throw _input.Refuse($"the pickle ends with {_stack.Count} values on its stack; 1 is required");
            }
            Execute((PickleOpcode)instruction);
        }
    }

    private void Execute(PickleOpcode opcode)
    {
        switch (opcode)
        {
            case PickleOpcode.Mark:
                _marks.Push(_stack.Count);
                break;
            case PickleOpcode.Pop:
                PopOrMark();
                break;
            case PickleOpcode.PopMark:
                PopToMark();
                break;
            case PickleOpcode.Duplicate:
                Push(Peek());
                break;
            case PickleOpcode.Frame:
                // Only says how much may be read ahead; the end of the input is checked anyway.
                _ = _input.ReadUInt64();
                break;

            case PickleOpcode.None:
                Push(null);
                break;
            case PickleOpcode.NewTrue:
                Push(true);
                break;
            case PickleOpcode.NewFalse:
                Push(false);
                break;
            case PickleOpcode.BinaryInt:
                Push((long)(int)_input.ReadUInt32());
                break;
            case PickleOpcode.BinaryInt1:
                Push((long)_input.ReadByte());
                break;
            case PickleOpcode.BinaryInt2:
                Push((long)_input.ReadUInt16());
                break;
            case PickleOpcode.Long1:
                Push(ReadInteger(_input.ReadByte()));
                break;
            case PickleOpcode.Long4:
                Push(ReadInteger(_input.ReadUInt32()));
                break;
            case PickleOpcode.BinaryFloat:
                Push(_input.ReadDouble());
                break;

            case PickleOpcode.ShortBinaryUnicode
            or PickleOpcode.ShortBinaryString:
                Push(_input.ReadText(_input.ReadByte()));
                break;
            case PickleOpcode.BinaryUnicode or PickleOpcode.BinaryString:
                Push(_input.ReadText(_input.ReadUInt32()));
                break;
            case PickleOpcode.BinaryUnicode8:
                Push(_input.ReadText(_input.ReadUInt64()));
                break;
            case PickleOpcode.ShortBinaryBytes:
                Push(_input.ReadBytes(_input.ReadByte()));
                break;
            case PickleOpcode.BinaryBytes:
                Push(_input.ReadBytes(_input.ReadUInt32()));
                break;
            case PickleOpcode.BinaryBytes8:
                Push(_input.ReadBytes(_input.ReadUInt64()));
                break;

            case PickleOpcode.EmptyTuple:
                Push(new PickleTuple([]));
                break;
            case PickleOpcode.Tuple1:
                Push(new PickleTuple(Pop(1)));
                break;
            case PickleOpcode.Tuple2:
                Push(new PickleTuple(Pop(2)));
                break;
            case PickleOpcode.Tuple3:
                Push(new PickleTuple(Pop(3)));
                break;
            case PickleOpcode.Tuple:
                Push(new PickleTuple(PopToMark()));
                break;
            case PickleOpcode.EmptyList:
                Push(new PickleList());
                break;
            case PickleOpcode.Append:
                Append(Pop(1));
                break;
            case PickleOpcode.Appends:
                Append(PopToMark());
                break;
            case PickleOpcode.EmptyDictionary:
                Push(new PickleDictionary());
                break;
            case PickleOpcode.SetItem:
                SetItems(Pop(2));
                break;
            case PickleOpcode.SetItems:
                SetItems(PopToMark());
                break;

            case PickleOpcode.BinaryPut:
                _memo[_input.ReadByte()] = Peek();
                break;
            case PickleOpcode.LongBinaryPut:
                _memo[_input.ReadUInt32()] = Peek();
                break;
            case PickleOpcode.Memoize:
                _memo[(uint)_memo.Count] = Peek();
                break;
            case PickleOpcode.BinaryGet:
                Push(Recall(_input.ReadByte()));
                break;
            case PickleOpcode.LongBinaryGet:
                Push(Recall(_input.ReadUInt32()));
                break;

            case PickleOpcode.Global:
                Push(_rebuild.FindGlobal(_input.ReadLine(), _input.ReadLine()));
                break;
            case PickleOpcode.StackGlobal:
                Push(
                    Pop(2) is [string module, string name]
                        ? _rebuild.FindGlobal(module, name)
                        : throw _input.Refuse("STACK_GLOBAL requires two strings")
                );
                break;
            case PickleOpcode.BinaryPersistentId:
                PickleStorage storage = _rebuild.LoadPersistent(Pop(1)[0]);
                _onStorage?.Invoke(storage);
                Push(storage);
                break;
            case PickleOpcode.Reduce:
                object?[] call = Pop(2);
                Push(_rebuild.Call(call[0], call[1]));
                break;
            case PickleOpcode.Build:
                Build(Pop(2));
                break;
            default:
                throw _input.Refuse(
                    $"pickle instruction {DescribeUnknown((byte)opcode)} is not permitted in a checkpoint; nothing was executed",
                    "Save only tensors, numbers and text: torch.save(model.state_dict(), path)"
                );
        }
    }

    /// <summary>
    /// A state dictionary carries attributes (module versions) in this way; they are dropped. Anything else would be an object of some
    /// class.
    /// </summary>
    private void Build(object?[] operands)
    {
        if (operands[0] is not PickleDictionary)
        {
            throw _input.Refuse(
                $"the pickle sets attributes of {TorchRebuild.Describe(operands[0])}, which is not permitted; nothing was executed"
            );
        }
        Push(operands[0]);
    }

    private void Append(object?[] items)
    {
        if (Peek() is not PickleList list)
        {
            throw _input.Refuse($"the pickle appends to {TorchRebuild.Describe(Peek())}; a list is required");
        }
        list.Items.AddRange(items);
    }

    private void SetItems(object?[] items)
    {
        if (Peek() is not PickleDictionary dictionary || items.Length % 2 != 0)
        {
            throw _input.Refuse(
                $"the pickle puts {items.Length} keys and values into {TorchRebuild.Describe(Peek())}; a dictionary and an even number are required"
            );
        }
        for (int i = 0; i < items.Length; i += 2)
        {
            dictionary.Items.Add(new(items[i], items[i + 1]));
        }
    }

    private object ReadInteger(uint length)
    {
        if (length > _limits.IntegerBytes)
        {
            throw _input.Refuse($"an integer claims {length} bytes; at most {_limits.IntegerBytes} are allowed");
        }
        BigInteger value = new(_input.ReadBytes(length));
        if (value < long.MinValue || value > long.MaxValue)
        {
            return value;
        }
        return (long)value;
    }

    private object? Recall(uint index) =>
        _memo.TryGetValue(index, out object? value)
            ? value
            : throw _input.Refuse($"the pickle refers to value {index}, which it has not defined");

    private void Push(object? value) => _stack.Add(value);

    private object? Peek() => _stack.Count > Floor ? _stack[^1] : throw Underflow();

    private object?[] Pop(int count)
    {
        if (_stack.Count - Floor < count)
        {
            throw Underflow();
        }
        return Take(_stack.Count - count);
    }

    private object?[] PopToMark() =>
        _marks.TryPop(out int start) ? Take(start) : throw _input.Refuse("the pickle collects values without a mark");

    private void PopOrMark()
    {
        if (_marks.Count > 0 && _marks.Peek() == _stack.Count)
        {
            _ = _marks.Pop();
        }
        else
        {
            _ = Pop(1);
        }
    }

    private object?[] Take(int start)
    {
        object?[] items = _stack.GetRange(start, _stack.Count - start).ToArray();
        _stack.RemoveRange(start, _stack.Count - start);
        return items;
    }

    /// <summary>Values below the last mark are out of reach until it is removed.</summary>
    private int Floor => _marks.Count > 0 ? _marks.Peek() : 0;

    private CheckpointFormatException Underflow() => _input.Refuse("the pickle takes more values from its stack than it has put there");

    private void Charge(long steps)
    {
        _steps += steps;
        if (_steps > _limits.Steps)
        {
            throw _input.Refuse($"the pickle takes more than {_limits.Steps} steps");
        }
    }

    private static Sentence DescribeUnknown(byte instruction) =>
        instruction switch
        {
            (byte)'i' => "INST",
            (byte)'o' => "OBJ",
            (byte)'P' => "PERSID",
            0x81 => "NEWOBJ",
            0x92 => "NEWOBJ_EX",
            0x82 or 0x83 or 0x84 => "EXT",
            0x8F or 0x90 or 0x91 => "for sets",
            0x96 or 0x97 or 0x98 => "for out-of-band buffers",
            _ => (Sentence)$"0x{instruction:X2}",
        };
}
