using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Quantization;
using ChainOfSpot.Models;
using ChainOfSpot.WeightsTools.Output;

namespace ChainOfSpot.WeightsTools.Models;

/// <summary>
/// Random weights with which activations stay of order 1 through every layer and logits have a standard deviation of about 2.
/// A weight is a function of seed, tensor, row and column alone: any row can be made at any time, on any machine, with one
/// result. Its distribution is that of four dice of 256 faces, near enough to a normal one: it has 1021 values, so a table of
/// them turns a hash into any float type. In a block format, blocks are drawn from a pool of quantised ones, because to search
/// the best block takes longer than to write it.
/// </summary>
internal static unsafe class RandomWeights
{
    private const int LevelCount = (4 * 255) + 1;
    private const int PoolBlocks = 4096;
    private const float NormSpread = 0.05f;
    private const float BiasSpread = 0.02f;
    private const float PositionSpread = 0.5f;
    private const float LogitSpread = 2;

    // The standard deviation of the sum of four dice: four times (256² - 1) / 12, and the root of it.
    private static readonly float LevelSpread = MathF.Sqrt(4 * 65535 / 12f);

    /// <summary>A tensor of random weights.</summary>
    /// <param name="tensor">Which.</param>
    /// <param name="config">The model that it is part of.</param>
    /// <param name="name">Its name in the file.</param>
    /// <param name="type">How it is stored.</param>
    /// <param name="seed">Another seed gives other weights.</param>
    /// <param name="storedRow">The row of the tensor that is stored as a row of the file.</param>
    public static OutputTensor Create(
        LlavaTensor tensor, LlavaConfig config, string name, ElementType type, ulong seed, Func<long, long> storedRow)
    {
        ulong key = KeyOf(tensor.FullName, seed);
        float[] levels = LevelsOf(tensor, config);
        int columns = tensor.Columns;
        if (type.IsQuantized())
        {
            byte[] pool = QuantizedPool(type, levels, key);
            int blockBytes = type.BlockBytes();
            int blocks = columns / type.BlockElements();
            return new OutputTensor(name, type, tensor.Shape, (row, destination) =>
                DrawBlocks(pool, blockBytes, blocks, RowKey(key, storedRow(row)), destination));
        }
        byte[] table = new byte[LevelCount * type.Size()];
        fixed (float* source = levels)
        fixed (byte* destination = table)
            Quantize.Row(type, source, LevelCount, destination);
        return new OutputTensor(name, type, tensor.Shape, type == ElementType.F32
            ? (row, destination) => DrawLevels<uint>(table, columns, RowKey(key, storedRow(row)), destination)
            : (row, destination) => DrawLevels<ushort>(table, columns, RowKey(key, storedRow(row)), destination));
    }

    /// <summary>Mean and standard deviation, by what the tensor does.</summary>
    private static (float Mean, float Spread) DistributionOf(LlavaTensor tensor, LlavaConfig config)
    {
        string name = tensor.Name;
        if (!tensor.IsMatrix)
        {
            return name.EndsWith(".bias", StringComparison.Ordinal) ? (0, BiasSpread)
                : name.EndsWith("class_embedding", StringComparison.Ordinal) ? (0, 1)
                : (1, NormSpread);
        }
        if (name == LlavaLayout.Embedding)
            return (0, 1);
        if (name.EndsWith("position_embedding.weight", StringComparison.Ordinal))
            return (0, PositionSpread);
        // A sum of n products of order 1 gets order 1 back. What is added to the residual stream, twice a layer, is smaller, so
        // that all layers together add as much as was there.
        float gain = name == LlavaLayout.Head ? LogitSpread
            : name.EndsWith("o_proj.weight", StringComparison.Ordinal) || name.EndsWith("down_proj.weight", StringComparison.Ordinal)
                ? 1 / MathF.Sqrt(2 * config.Text.Layers)
            : name.EndsWith("out_proj.weight", StringComparison.Ordinal) || name.EndsWith("fc2.weight", StringComparison.Ordinal)
                ? 1 / MathF.Sqrt(2 * config.Vision.Layers)
            : 1;
        return (0, gain / MathF.Sqrt(tensor.Columns));
    }

    private static float[] LevelsOf(LlavaTensor tensor, LlavaConfig config)
    {
        (float mean, float spread) = DistributionOf(tensor, config);
        float[] levels = new float[LevelCount];
        for (int i = 0; i < LevelCount; i++)
            levels[i] = mean + ((i - ((LevelCount - 1) / 2)) * (spread / LevelSpread));
        return levels;
    }

    private static byte[] QuantizedPool(ElementType type, float[] levels, ulong key)
    {
        int blockElements = type.BlockElements();
        int blockBytes = type.BlockBytes();
        byte[] pool = new byte[PoolBlocks * blockBytes];
        byte[] table = MemoryMarshal.AsBytes(levels.AsSpan()).ToArray();
        Parallel.For(0, PoolBlocks, block =>
        {
            float* weights = stackalloc float[blockElements];
            DrawLevels<uint>(table, blockElements, RowKey(key, ~(long)block), (byte*)weights);
            fixed (byte* destination = pool)
                Quantize.Row(type, weights, blockElements, destination + (block * blockBytes));
        });
        return pool;
    }

    private static void DrawLevels<TBits>(byte[] table, int columns, ulong key, byte* destination)
        where TBits : unmanaged
    {
        uint* sums = stackalloc uint[Vector256<uint>.Count];
        Vector256<uint> bytesMask = Vector256.Create(0x00FF00FFu);
        Vector256<uint> lowMask = Vector256.Create(0x0000FFFFu);
        Vector256<uint> column = Vector256<uint>.Indices;
        var written = (TBits*)destination;
        fixed (byte* tableStart = table)
        {
            var levels = (TBits*)tableStart;
            for (int i = 0; i < columns; i += Vector256<uint>.Count, column += Vector256.Create((uint)Vector256<uint>.Count))
            {
                Vector256<uint> hash = Hash(column, key);
                Vector256<uint> pairs = (hash & bytesMask) + ((hash >>> 8) & bytesMask);
                ((pairs & lowMask) + (pairs >>> 16)).Store(sums);
                int count = Math.Min(Vector256<uint>.Count, columns - i);
                for (int j = 0; j < count; j++)
                    written[i + j] = levels[sums[j]];
            }
        }
    }

    private static void DrawBlocks(byte[] pool, int blockBytes, int blocks, ulong key, byte* destination)
    {
        fixed (byte* source = pool)
        {
            for (int block = 0; block < blocks; block++)
            {
                uint drawn = Hash(Vector256.Create((uint)block), key).ToScalar() % PoolBlocks;
                Unsafe.CopyBlockUnaligned(destination + ((long)block * blockBytes), source + (drawn * blockBytes), (uint)blockBytes);
            }
        }
    }

    // The finaliser of MurmurHash3, with the two halves of the row's key before and within.
    private static Vector256<uint> Hash(Vector256<uint> counter, ulong key)
    {
        Vector256<uint> x = (counter * 0x9E3779B1u) ^ Vector256.Create((uint)key);
        x = (x ^ (x >>> 16)) * 0x85EBCA6Bu;
        x += Vector256.Create((uint)(key >> 32));
        x = (x ^ (x >>> 13)) * 0xC2B2AE35u;
        return x ^ (x >>> 16);
    }

    private static ulong RowKey(ulong key, long row) => Mix(key + ((ulong)row * 0x9E3779B97F4A7C15));

    private static ulong KeyOf(string name, ulong seed)
    {
        ulong key = Mix(seed + 0x9E3779B97F4A7C15);
        foreach (char c in name)
            key = Mix(key ^ c);
        return key;
    }

    // The finaliser of SplitMix64.
    private static ulong Mix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
