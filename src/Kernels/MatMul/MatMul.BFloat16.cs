using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ChainOfSpot.Kernels.Lanes;
using ChainOfSpot.Kernels.Quantization;

namespace ChainOfSpot.Kernels;

/// <content>
/// The fast form for fp16 and bf16 weights on CPUs with AVX512-BF16: activations and fp16 weights are rounded to bf16, products are
/// added in fp32. A chunk of 256 products of 64 weight rows is rounded and turned into the L2 cache, then every tile of A passes
/// over it. The order of summation is ascending in K, by pairs: no bit depends on M, threads or tiles.
/// <para>Reads each weight once, and A, as bf16, once for every 64 weight rows.</para>
/// </content>
public static unsafe partial class MatMul
{
    private const int BFloat16Chunk = 256;

    /// <summary>Weights of a row that are turned at once: 16 pairs.</summary>
    private const int TurnedWeights = 32;

    /// <summary>Whether <see cref="BFloat16Panel"/> multiplies weights of this type.</summary>
    public static bool HasBFloat16Form(ElementType type) => type is ElementType.F16 or ElementType.BF16;

    /// <summary>Panels of weight rows.</summary>
    public static int BFloat16Panels(int columns) => (columns + BFloat16TileCode.Columns - 1) / BFloat16TileCode.Columns;

    /// <summary>Bytes of A as bf16, K filled up to whole steps.</summary>
    public static long BFloat16Bytes(int rows, int k) => (long)rows * PaddedToTurns(k) * sizeof(ushort);

    /// <summary>Bytes of scratch memory that one thread needs for <see cref="BFloat16Panel"/>.</summary>
    public static long BFloat16ScratchBytes(int rows) =>
        BFloat16TileCode.Columns * ((BFloat16Chunk * sizeof(ushort)) + ((long)rows * sizeof(float)));

    /// <summary>The definition of one output before bias with operands rounded to bf16: the sum in double precision.</summary>
    public static double BFloat16Output(float* a, in WeightSegment weight, int row, int k)
    {
        double sum = 0;
        for (int i = 0; i < k; i++)
        {
            float w = GatherRows.Define((void*)weight.Data, weight.Type, ((long)row * k) + i);
            sum += (double)BFloat16.Widen(BFloat16.Round(a[i])) * BFloat16.Widen(BFloat16.Round(w));
        }
        return sum;
    }

    /// <summary>Rounds rows [<paramref name="first"/>, <paramref name="end"/>) of A to bf16 as [chunk][row][product].</summary>
    public static void RoundToBFloat16(in MatMulArguments arguments, ushort* rounded, int first, int end)
    {
        for (int row = first; row < end; row++)
        {
            float* source = arguments.A + (row * arguments.AStride);
            for (int start = 0; start < arguments.K; start += BFloat16Chunk)
            {
                int length = Math.Min(BFloat16Chunk, arguments.K - start);
                ushort* destination = BFloat16Row(arguments, rounded, row, start);
                int i = 0;
                for (; i + 16 <= length; i += 16)
                    RoundToBFloat16(Vector512.Load(source + start + i)).Store(destination + i);
                for (; i < PaddedToTurns(length); i++)
                    destination[i] = i < length ? BFloat16.Round(source[start + i]) : (ushort)0;
            }
        }
    }

    /// <summary>Multiplies all rows of A by one panel of weight rows and applies the epilogue.</summary>
    /// <param name="arguments">The operands; A is not read.</param>
    /// <param name="rounded">A as <see cref="RoundToBFloat16(in MatMulArguments, ushort*, int, int)"/> left it.</param>
    /// <param name="tiles">The assembled tiles.</param>
    /// <param name="panel">The panel's number.</param>
    /// <param name="scratch"><see cref="BFloat16ScratchBytes"/> bytes at a cache line's alignment.</param>
    public static void BFloat16Panel<TVector, TLanes>(
        in MatMulArguments arguments, ushort* rounded, BFloat16TileFunctions* tiles, int panel, byte* scratch)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int firstColumn = panel * BFloat16TileCode.Columns;
        int columns = Math.Min(BFloat16TileCode.Columns, arguments.Columns - firstColumn);
        var weights = (ushort*)scratch;
        var sums = (float*)(weights + (BFloat16TileCode.Columns * BFloat16Chunk));
        new Span<float>(sums, arguments.Rows * BFloat16TileCode.Columns).Clear();
        BFloat16TileArguments tile = new() { Weights = weights };
        for (int start = 0; start < arguments.K; start += BFloat16Chunk)
        {
            int length = PaddedToTurns(Math.Min(BFloat16Chunk, arguments.K - start));
            for (int column = 0; column < BFloat16TileCode.Columns; column += 16)
                TurnWeights(arguments, weights + (2 * column), firstColumn + column, start, length);
            tile.AStride = length * sizeof(ushort);
            tile.Pairs = length / 2;
            for (int row = 0; row < arguments.Rows; row += BFloat16TileCode.MostRows)
            {
                tile.A = BFloat16Row(arguments, rounded, row, start);
                tile.Sums = sums + (row * BFloat16TileCode.Columns);
                tiles->Multiply(&tile, Math.Min(BFloat16TileCode.MostRows, arguments.Rows - row));
            }
        }
        for (int row = 0; row < arguments.Rows; row++)
            Epilogue<TVector, TLanes>(arguments, sums + (row * BFloat16TileCode.Columns), row, firstColumn, columns);
    }

    /// <summary>
    /// Rounds a chunk of 16 weight rows and turns it to [pair][column][2]. Rows past the last repeat it: what they give is dropped.
    /// </summary>
    private static void TurnWeights(in MatMulArguments arguments, ushort* turned, int firstColumn, int start, int length)
    {
        Vector512<uint>* pairs = stackalloc Vector512<uint>[16];
        byte** sources = stackalloc byte*[16];
        bool* halves = stackalloc bool[16];
        for (int column = 0; column < 16; column++)
        {
            WeightSegment* segment = arguments.SegmentOf(Math.Min(firstColumn + column, arguments.Columns - 1), out int row);
            sources[column] = (byte*)segment->Data + ((((long)segment->StoredRow(row) * arguments.K) + start) * sizeof(ushort));
            halves[column] = segment->Type == ElementType.F16;
        }
        for (int i = 0; i < length; i += TurnedWeights)
        {
            int present = Math.Min(TurnedWeights, arguments.K - start - i);
            for (int column = 0; column < 16; column++)
            {
                var source = (ushort*)sources[column] + i;
                Prefetch.Ahead((byte*)(source + BFloat16Chunk), 64);
                pairs[column] = present == TurnedWeights ? LoadPairs(source, halves[column]) : LoadLastPairs(source, present, halves[column]);
            }
            Turn(pairs, (uint*)(turned + (i * BFloat16TileCode.Columns)));
        }
    }

    private static Vector512<uint> LoadPairs(ushort* source, bool halves) => halves
        ? Vector512.Create(RoundToBFloat16(Lanes512.LoadFiniteF16(source)), RoundToBFloat16(Lanes512.LoadFiniteF16(source + 16))).AsUInt32()
        : Vector512.Load(source).AsUInt32();

    private static Vector512<uint> LoadLastPairs(ushort* source, int count, bool halves)
    {
        ushort* filled = stackalloc ushort[TurnedWeights];
        new Span<ushort>(filled, TurnedWeights).Clear();
        new ReadOnlySpan<ushort>(source, count).CopyTo(new Span<ushort>(filled, TurnedWeights));
        return LoadPairs(filled, halves);
    }

    /// <summary>16 x 16 pairs turned: fours within quarters of a vector, then the quarters.</summary>
    private static void Turn(Vector512<uint>* rows, uint* turned)
    {
        for (int i = 0; i < 16; i += 4)
        {
            Vector512<ulong> low01 = Avx512F.UnpackLow(rows[i], rows[i + 1]).AsUInt64();
            Vector512<ulong> low23 = Avx512F.UnpackLow(rows[i + 2], rows[i + 3]).AsUInt64();
            Vector512<ulong> high01 = Avx512F.UnpackHigh(rows[i], rows[i + 1]).AsUInt64();
            Vector512<ulong> high23 = Avx512F.UnpackHigh(rows[i + 2], rows[i + 3]).AsUInt64();
            rows[i] = Avx512F.UnpackLow(low01, low23).AsUInt32();
            rows[i + 1] = Avx512F.UnpackHigh(low01, low23).AsUInt32();
            rows[i + 2] = Avx512F.UnpackLow(high01, high23).AsUInt32();
            rows[i + 3] = Avx512F.UnpackHigh(high01, high23).AsUInt32();
        }
        for (int j = 0; j < 4; j++)
        {
            Vector512<uint> even01 = Avx512F.Shuffle4x128(rows[j], rows[j + 4], 0x88);
            Vector512<uint> odd01 = Avx512F.Shuffle4x128(rows[j], rows[j + 4], 0xDD);
            Vector512<uint> even23 = Avx512F.Shuffle4x128(rows[j + 8], rows[j + 12], 0x88);
            Vector512<uint> odd23 = Avx512F.Shuffle4x128(rows[j + 8], rows[j + 12], 0xDD);
            Avx512F.Shuffle4x128(even01, even23, 0x88).Store(turned + (j * BFloat16TileCode.Columns));
            Avx512F.Shuffle4x128(odd01, odd23, 0x88).Store(turned + ((j + 4) * BFloat16TileCode.Columns));
            Avx512F.Shuffle4x128(even01, even23, 0xDD).Store(turned + ((j + 8) * BFloat16TileCode.Columns));
            Avx512F.Shuffle4x128(odd01, odd23, 0xDD).Store(turned + ((j + 12) * BFloat16TileCode.Columns));
        }
    }

    /// <summary>Each lane rounded to the nearest bf16, halves to even; NaN stays NaN.</summary>
    private static Vector256<ushort> RoundToBFloat16(Vector512<float> value)
    {
        Vector512<uint> bits = value.AsUInt32();
        Vector512<uint> rounded = bits + Vector512.Create(0x7fffu) + ((bits >>> 16) & Vector512<uint>.One);
        bits = Vector512.ConditionalSelect(Vector512.Equals(value, value).AsUInt32(), rounded, bits | Vector512.Create(0x400000u));
        return Avx512F.ConvertToVector256UInt16(bits >>> 16);
    }

    private static ushort* BFloat16Row(in MatMulArguments arguments, ushort* rounded, int row, int start) =>
        rounded + ((long)arguments.Rows * start) + ((long)row * PaddedToTurns(Math.Min(BFloat16Chunk, arguments.K - start)));

    private static int PaddedToTurns(int k) => (k + TurnedWeights - 1) / TurnedWeights * TurnedWeights;
}
