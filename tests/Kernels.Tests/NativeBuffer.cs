using System.Runtime.InteropServices;

namespace ChainOfSpot.Kernels.Tests;

/// <summary>Native memory of a test: 64-byte aligned, filled with a value or with reproducible normal numbers.</summary>
internal sealed unsafe class NativeBuffer<T> : IDisposable
    where T : unmanaged
{
    public NativeBuffer(long length, T fill = default)
    {
        Length = checked((int)length);
        Pointer = (T*)NativeMemory.AlignedAlloc((nuint)Math.Max(1, length * sizeof(T)), 64);
        Span.Fill(fill);
    }

    public T* Pointer { get; }

    public int Length { get; }

    public Span<T> Span => new(Pointer, Length);

    public NativeBuffer<T> Copy()
    {
        var copy = new NativeBuffer<T>(Length);
        Span.CopyTo(copy.Span);
        return copy;
    }

    public void Dispose() => NativeMemory.AlignedFree(Pointer);
}

/// <summary>Makes buffers and compares them.</summary>
internal static class NativeBuffer
{
    public static NativeBuffer<float> Normal(long length, int seed, double deviation = 1)
    {
        var buffer = new NativeBuffer<float>(length);
        var random = new Random(seed);
        foreach (ref float value in buffer.Span)
            value = (float)(deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        return buffer;
    }

    public static NativeBuffer<int> Of(params int[] values)
    {
        var buffer = new NativeBuffer<int>(values.Length);
        values.CopyTo(buffer.Span);
        return buffer;
    }

    /// <summary>Equal bits, NaN included.</summary>
    public static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual) =>
        Assert.True(MemoryMarshal.AsBytes(expected).SequenceEqual(MemoryMarshal.AsBytes(actual)), "The bits differ.");

    /// <summary>Each value within a tolerance that is relative for values above 1 and absolute below.</summary>
    public static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            double allowed = tolerance * Math.Max(1, Math.Abs((double)expected[i]));
            if (!(Math.Abs((double)expected[i] - actual[i]) <= allowed))
                Assert.Fail($"[{i}] is {actual[i]:R}, expected {expected[i]:R} within {allowed:G3}.");
        }
    }
}
