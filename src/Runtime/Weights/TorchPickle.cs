using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using ChainOfSpot.Kernels;

namespace ChainOfSpot.Runtime.Weights;

/// <summary>A storage that a pickle refers to: the file <c>data/{Key}</c> of the archive.</summary>
/// <param name="TypeName">Its class, such as <c>HalfStorage</c>.</param>
/// <param name="Type">What the class holds, if that is a type that is read.</param>
/// <param name="Key">Its name.</param>
/// <param name="Count">Its elements.</param>
internal sealed record TorchStorage(string TypeName, ElementType? Type, string Key, long Count);

/// <summary>A tensor of a pickle: a strided view of a storage, in elements.</summary>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, long[] Shape, long[] Strides);

/// <summary>
/// Reads the pickle of a PyTorch state dict without running anything. It knows protocol 2 as <c>torch.save</c> writes it, and of
/// all callables only those that make up a state dict, each done by this class itself; every other one is refused by its name.
/// Time and memory are bounded by the number of opcodes. Source: Python's <c>pickletools</c> (the opcodes),
/// <c>torch/serialization.py</c> (persistent ids), <c>torch/_utils.py</c> (arguments of the rebuild functions).
/// </summary>
internal ref struct TorchPickle
{
    /// <summary>The largest pickle that is read; that of a real shard has some 100 kB.</summary>
    public const int MaxBytes = 16 << 20;

    // A real shard takes some 25 opcodes a tensor. An opcode makes at most one object of some 100 bytes.
    private const int MaxOpcodes = 1 << 18;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string _path;
    private readonly ReadOnlySpan<byte> _pickle;
    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private int _position;

    private TorchPickle(string path, ReadOnlySpan<byte> pickle)
    {
        _path = path;
        _pickle = pickle;
    }

    /// <summary>The opcodes that <c>torch.save</c> writes, by their names in <c>pickletools</c>.</summary>
    private enum Opcode : byte
    {
        Mark = (byte)'(',
        EmptyTuple = (byte)')',
        Stop = (byte)'.',
        BinFloat = (byte)'G',
        BinInt = (byte)'J',
        BinInt1 = (byte)'K',
        BinInt2 = (byte)'M',
        None = (byte)'N',
        BinPersId = (byte)'Q',
        Reduce = (byte)'R',
        BinUnicode = (byte)'X',
        EmptyList = (byte)']',
        Append = (byte)'a',
        Build = (byte)'b',
        Global = (byte)'c',
        Appends = (byte)'e',
        BinGet = (byte)'h',
        LongBinGet = (byte)'j',
        BinPut = (byte)'q',
        LongBinPut = (byte)'r',
        SetItem = (byte)'s',
        Tuple = (byte)'t',
        SetItems = (byte)'u',
        EmptyDict = (byte)'}',
        Proto = 0x80,
        Tuple1 = 0x85,
        Tuple2 = 0x86,
        Tuple3 = 0x87,
        NewTrue = 0x88,
        NewFalse = 0x89,
        Long1 = 0x8a,
    }

    private enum Callable
    {
        RebuildTensor,
        RebuildParameter,
        OrderedDict,
    }

    /// <summary>Reads a state dict: names to <see cref="TorchTensor"/> or to whatever else was saved under them.</summary>
    /// <param name="path">The file, for errors.</param>
    /// <param name="pickle">The bytes of <c>data.pkl</c>.</param>
    /// <exception cref="WeightFileException">The pickle is damaged, or asks for something that no state dict needs.</exception>
    public static Dictionary<string, object?> ReadStateDict(string path, ReadOnlySpan<byte> pickle)
    {
        TorchPickle reader = new(path, pickle);
        return reader.Run() as Dictionary<string, object?> ?? throw reader.Error("is no state dict: its top value is no dictionary");
    }

    private object? Run()
    {
        for (int count = 0; count < MaxOpcodes; count++)
        {
            Opcode opcode = (Opcode)Take(1)[0];
            switch (opcode)
            {
                case Opcode.Proto:
                    if (Take(1)[0] is not 2 and var protocol)
                        throw Error($"has protocol {protocol}; 2 was expected, as torch.save writes it");
                    break;
                case Opcode.Stop:
                    return Pop();
                case Opcode.Mark:
                    _marks.Push(_stack.Count);
                    break;
                case Opcode.None:
                    _stack.Add(null);
                    break;
                case Opcode.NewTrue:
                    _stack.Add(true);
                    break;
                case Opcode.NewFalse:
                    _stack.Add(false);
                    break;
                case Opcode.BinInt1:
                    _stack.Add((long)Take(1)[0]);
                    break;
                case Opcode.BinInt2:
                    _stack.Add((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));
                    break;
                case Opcode.BinInt:
                    _stack.Add((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
                    break;
                case Opcode.Long1:
                    _stack.Add(ReadLong(Take(Take(1)[0])));
                    break;
                case Opcode.BinFloat:
                    _stack.Add(BinaryPrimitives.ReadDoubleBigEndian(Take(8)));
                    break;
                case Opcode.BinUnicode:
                    _stack.Add(Text(Take(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))));
                    break;
                case Opcode.EmptyTuple:
                    _stack.Add(Array.Empty<object?>());
                    break;
                case Opcode.Tuple1 or Opcode.Tuple2 or Opcode.Tuple3:
                    _stack.Add(PopFrom(_stack.Count - (opcode - Opcode.Tuple1 + 1)));
                    break;
                case Opcode.Tuple:
                    _stack.Add(PopToMark());
                    break;
                case Opcode.EmptyList:
                    _stack.Add(new List<object?>());
                    break;
                case Opcode.Append:
                    object? item = Pop();
                    Top<List<object?>>().Add(item);
                    break;
                case Opcode.Appends:
                    object?[] items = PopToMark();
                    Top<List<object?>>().AddRange(items);
                    break;
                case Opcode.EmptyDict:
                    _stack.Add(new Dictionary<string, object?>());
                    break;
                case Opcode.SetItem:
                    SetItems(PopFrom(_stack.Count - 2));
                    break;
                case Opcode.SetItems:
                    SetItems(PopToMark());
                    break;
                case Opcode.BinPut:
                    _memo[Take(1)[0]] = Top();
                    break;
                case Opcode.LongBinPut:
                    _memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Top();
                    break;
                case Opcode.BinGet:
                    Recall(Take(1)[0]);
                    break;
                case Opcode.LongBinGet:
                    Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));
                    break;
                case Opcode.Global:
                    _stack.Add(Find(Line(), Line()));
                    break;
                case Opcode.Reduce:
                    object?[] arguments = Pop<object?[]>();
                    _stack.Add(Call(Pop<Callable>(), arguments));
                    break;
                case Opcode.BinPersId:
                    _stack.Add(Refer(Pop<object?[]>()));
                    break;
                case Opcode.Build:
                    // It sets the attributes of a state dict, its _metadata; nothing reads them.
                    Pop<Dictionary<string, object?>>();
                    Top<Dictionary<string, object?>>();
                    break;
                default:
                    throw Error($"uses opcode 0x{(byte)opcode:x2}, which no state dict of protocol 2 needs");
            }
        }
        throw Error($"has more than {MaxOpcodes} opcodes");
    }

    private readonly object Find(string module, string name)
    {
        switch (module, name)
        {
            case ("torch._utils", "_rebuild_tensor_v2"):
                return Callable.RebuildTensor;
            case ("torch._utils", "_rebuild_parameter"):
                return Callable.RebuildParameter;
            case ("collections", "OrderedDict"):
                return Callable.OrderedDict;
            case ("torch", "FloatStorage"):
                return new TorchStorage(name, ElementType.F32, "", 0);
            case ("torch", "HalfStorage"):
                return new TorchStorage(name, ElementType.F16, "", 0);
            case ("torch", "BFloat16Storage"):
                return new TorchStorage(name, ElementType.BF16, "", 0);
            case ("torch", "IntStorage"):
                return new TorchStorage(name, ElementType.I32, "", 0);
            case ("torch", "LongStorage"):
                return new TorchStorage(name, ElementType.I64, "", 0);
            case ("torch", "ByteStorage"):
                return new TorchStorage(name, ElementType.U8, "", 0);
            case ("torch", "DoubleStorage" or "BoolStorage" or "ShortStorage" or "CharStorage"):
                return new TorchStorage(name, null, "", 0);
            default:
                throw Error($"asks for '{module}.{name}', which no state dict needs; refused, nothing was run");
        }
    }

    private readonly object? Call(Callable callable, object?[] arguments) => (callable, arguments) switch
    {
        // (storage, offset, size, stride, requires_grad, backward_hooks[, metadata])
        (Callable.RebuildTensor, [TorchStorage storage, long offset, object?[] size, object?[] stride, bool, _, ..]) =>
            new TorchTensor(storage, offset, Numbers(size), Numbers(stride)),
        // (data, requires_grad, backward_hooks)
        (Callable.RebuildParameter, [TorchTensor data, bool, _]) => data,
        (Callable.OrderedDict, []) => new Dictionary<string, object?>(),
        _ => throw Error($"gives {callable} arguments that it does not take"),
    };

    private readonly TorchStorage Refer(object?[] id) => id is ["storage", TorchStorage type, string key, string, long count] && count >= 0
        ? type with { Key = key, Count = count }
        : throw Error("has a persistent id that is not ('storage', class, key, location, count)");

    private readonly long[] Numbers(object?[] values)
    {
        if (values.Length > StoredTensor.MaxRank)
            throw Error($"has a tensor of {values.Length} dimensions; at most {StoredTensor.MaxRank} were expected");
        long[] numbers = new long[values.Length];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = values[i] is long number and >= 0 ? number : throw Error("has a size or stride that is no number from 0 up");
        return numbers;
    }

    private readonly void SetItems(object?[] items)
    {
        Dictionary<string, object?> target = Top<Dictionary<string, object?>>();
        if (items.Length % 2 != 0)
            throw Error("has a dictionary key without a value");
        for (int i = 0; i < items.Length; i += 2)
        {
            if (items[i] is not string key)
                throw Error("has a dictionary key that is no string");
            if (!target.TryAdd(key, items[i + 1]))
                throw Error($"names '{key}' twice");
        }
    }

    private readonly void Recall(uint index) =>
        _stack.Add(_memo.TryGetValue(index, out object? value) ? value : throw Error($"recalls value {index}, which it never stored"));

    private readonly object? Top() =>
        _stack.Count > Floor ? _stack[^1] : throw Error($"takes more values than there are, before its byte {_position}");

    private readonly T Top<T>() =>
        Top() is T value ? value : throw Error($"has no {typeof(T).Name} where one is needed, before its byte {_position}");

    private readonly object? Pop()
    {
        object? value = Top();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private readonly T Pop<T>()
    {
        T value = Top<T>();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    // What lies below the last mark is out of reach until that mark is taken.
    private readonly int Floor => _marks.TryPeek(out int mark) ? mark : 0;

    private readonly object?[] PopToMark() =>
        _marks.TryPop(out int mark) ? PopFrom(mark) : throw Error($"has no mark where one is needed, before its byte {_position}");

    private readonly object?[] PopFrom(int start)
    {
        if (start < Floor)
            throw Error($"takes more values than there are, before its byte {_position}");
        object?[] values = CollectionsMarshal.AsSpan(_stack)[start..].ToArray();
        _stack.RemoveRange(start, _stack.Count - start);
        return values;
    }

    private readonly long ReadLong(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > sizeof(long))
            throw Error($"has a number of {bytes.Length} bytes; at most 8 were expected");
        Span<byte> wide = stackalloc byte[sizeof(long)];
        wide.Fill(bytes.IsEmpty || bytes[^1] < 0x80 ? (byte)0 : (byte)0xff);
        bytes.CopyTo(wide);
        return BinaryPrimitives.ReadInt64LittleEndian(wide);
    }

    private string Line()
    {
        int length = _pickle[_position..].IndexOf((byte)'\n');
        if (length < 0)
            throw Error("ends inside a name");
        string line = Text(Take(length));
        _position++;
        return line;
    }

    private readonly string Text(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException error)
        {
            throw new WeightFileException(_path, $"has text that is no UTF-8, before byte {_position} of its pickle", error);
        }
    }

    private ReadOnlySpan<byte> Take(long count)
    {
        if (count > _pickle.Length - _position)
            throw Error($"ends at byte {_pickle.Length}, {count} bytes were expected at byte {_position}; is it truncated?");
        ReadOnlySpan<byte> bytes = _pickle.Slice(_position, (int)count);
        _position += (int)count;
        return bytes;
    }

    private readonly WeightFileException Error(string problem) => new(_path, $"the pickle {problem}");
}
