using System.Text;
using ChainOfSpot.Kernels;

namespace ChainOfSpot.Runtime.Weights;

/// <summary>
/// What a GGUF file is made of: a header (magic, version, two counts), metadata (key, value type, value), tensor infos (name,
/// dimensions, ggml type, offset), and aligned data. Little-endian throughout. Source: docs/gguf.md of the ggml project.
/// </summary>
internal static class GgufFormat
{
    public const uint Magic = 0x46554747; // "GGUF"
    public const int NewestVersion = 3;
    public const uint DefaultAlignment = 32;
    public const uint SmallestAlignment = 8;
    public const uint LargestAlignment = 1 << 30;
    public const int MaxKeyBytes = 65535;
    public const int MaxTensorNameBytes = 64;
    public const int MaxRank = 4;
    public const string AlignmentKey = "general.alignment";

    /// <summary>Refuses what is not UTF-8.</summary>
    public static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private static readonly (ElementType Type, uint Number)[] TensorTypes =
    [
        (ElementType.F32, 0), (ElementType.F16, 1), (ElementType.Q4_0, 2), (ElementType.Q4_1, 3), (ElementType.Q5_0, 6),
        (ElementType.Q5_1, 7), (ElementType.Q8_0, 8), (ElementType.Q2_K, 10), (ElementType.Q3_K, 11), (ElementType.Q4_K, 12),
        (ElementType.Q5_K, 13), (ElementType.Q6_K, 14), (ElementType.IQ4_NL, 20), (ElementType.IQ4_XS, 23), (ElementType.I32, 26),
        (ElementType.I64, 27), (ElementType.BF16, 30),
    ];

    /// <summary>The element type of a ggml type number, or null where it is not supported.</summary>
    public static ElementType? TensorType(uint number)
    {
        int index = Array.FindIndex(TensorTypes, pair => pair.Number == number);
        return index < 0 ? null : TensorTypes[index].Type;
    }

    /// <summary>The ggml type number of an element type, or null where ggml has none.</summary>
    public static uint? NumberOf(ElementType type)
    {
        int index = Array.FindIndex(TensorTypes, pair => pair.Type == type);
        return index < 0 ? null : TensorTypes[index].Number;
    }

    /// <summary>The next multiple of an alignment, which is a power of two.</summary>
    public static long Align(long position, long alignment) => (position + alignment - 1) & -alignment;
}

/// <summary>The types of metadata values, as files number them.</summary>
internal enum GgufValueType : uint
{
    UInt8 = 0,
    Int8 = 1,
    UInt16 = 2,
    Int16 = 3,
    UInt32 = 4,
    Int32 = 5,
    Float32 = 6,
    Bool = 7,
    String = 8,
    Array = 9,
    UInt64 = 10,
    Int64 = 11,
    Float64 = 12,
}
