namespace ChainOfSpot.Runtime.Weights;

/// <summary>
/// The metadata of a GGUF file. Values are held as the .NET type of their GGUF type (byte, sbyte, ushort, short, uint, int, ulong,
/// long, float, double, bool, string) or an array of it. A <c>Find</c> method gives null where the key is missing; a <c>Get</c>
/// method throws then; both throw where the value is of another type.
/// </summary>
public sealed class GgufMetadata
{
    private readonly string _path;

    internal GgufMetadata(string path, IReadOnlyDictionary<string, object> values)
    {
        _path = path;
        Values = values;
    }

    /// <summary>Every value by its key, in the order of the file.</summary>
    public IReadOnlyDictionary<string, object> Values { get; }

    /// <summary>A string, or null.</summary>
    /// <exception cref="WeightFileException">The value is no string.</exception>
    public string? FindString(string key) => Values.GetValueOrDefault(key) switch
    {
        null => null,
        string text => text,
        var other => throw Mismatch(key, "a string", other),
    };

    /// <summary>A boolean, or null.</summary>
    /// <exception cref="WeightFileException">The value is no boolean.</exception>
    public bool? FindBoolean(string key) => Values.GetValueOrDefault(key) switch
    {
        null => null,
        bool flag => flag,
        var other => throw Mismatch(key, "a boolean", other),
    };

    /// <summary>A number of either float type, or null.</summary>
    /// <exception cref="WeightFileException">The value is no float, or not finite.</exception>
    public float? FindFloat(string key)
    {
        float? number = Values.GetValueOrDefault(key) switch
        {
            null => null,
            float single => single,
            double wide => (float)wide,
            var other => throw Mismatch(key, "a float", other),
        };
        if (number is { } value && !float.IsFinite(value))
            throw Error(key, $"is {value}; a finite number was expected");
        return number;
    }

    /// <summary>An integer of any type, or null.</summary>
    /// <exception cref="WeightFileException">The value is no integer, or outside the range.</exception>
    public int? FindInteger(string key, int smallest = int.MinValue, int largest = int.MaxValue)
    {
        Int128 number;
        switch (Values.GetValueOrDefault(key))
        {
            case null:
                return null;
            case byte value:
                number = value;
                break;
            case sbyte value:
                number = value;
                break;
            case ushort value:
                number = value;
                break;
            case short value:
                number = value;
                break;
            case uint value:
                number = value;
                break;
            case int value:
                number = value;
                break;
            case ulong value:
                number = value;
                break;
            case long value:
                number = value;
                break;
            case var other:
                throw Mismatch(key, "an integer", other);
        }
        return number >= smallest && number <= largest
            ? (int)number
            : throw Error(key, $"is {number}; {smallest} to {largest} was expected");
    }

    /// <summary>A string.</summary>
    /// <exception cref="WeightFileException">The key is missing or its value is no string.</exception>
    public string GetString(string key) => FindString(key) ?? throw Missing(key, "a string");

    /// <summary>A number of either float type.</summary>
    /// <exception cref="WeightFileException">The key is missing or its value is no finite float.</exception>
    public float GetFloat(string key) => FindFloat(key) ?? throw Missing(key, "a float");

    /// <summary>An integer of any type.</summary>
    /// <exception cref="WeightFileException">The key is missing, or its value is no integer or outside the range.</exception>
    public int GetInteger(string key, int smallest = int.MinValue, int largest = int.MaxValue) =>
        FindInteger(key, smallest, largest) ?? throw Missing(key, "an integer");

    /// <summary>An array of <typeparamref name="T"/>, exactly that type.</summary>
    /// <exception cref="WeightFileException">The key is missing or its value is something else.</exception>
    public IReadOnlyList<T> GetArray<T>(string key) => FindArray<T>(key) ?? throw Missing(key, NameOf(typeof(T[])));

    /// <summary>An array of <typeparamref name="T"/>, exactly that type, or null.</summary>
    /// <exception cref="WeightFileException">The value is something else.</exception>
    public IReadOnlyList<T>? FindArray<T>(string key)
    {
        object? value = Values.GetValueOrDefault(key);
        // By type, not by pattern: the runtime lets int[] pass as uint[].
        if (value is not null && value.GetType() != typeof(T[]))
            throw Mismatch(key, NameOf(typeof(T[])), value);
        return (T[]?)value;
    }

    internal WeightFileException Error(string key, string problem) => new(_path, $"metadata key '{key}' {problem}");

    private WeightFileException Missing(string key, string expected) => Error(key, $"is missing; {expected} was expected");

    private WeightFileException Mismatch(string key, string expected, object actual) =>
        Error(key, $"is {NameOf(actual.GetType())}; {expected} was expected");

    private static string NameOf(Type type) =>
        type.IsArray ? $"an array of {type.GetElementType()!.Name}" : $"of type {type.Name}";
}
