using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;
using CsCheck;

namespace ChainOfSpot.Kernels.Tests;

/// <summary>Key-value caches of F16 and Q8: what is stored, and that attention to them is attention to the numbers that they stand for.</summary>
public sealed unsafe class NarrowCacheTests
{
    public static MatrixTheoryData<KvElement, (int Heads, int KvHeads, int HeadDim)> Shapes { get; } = new(
        [KvElement.F16, KvElement.Q8], [(4, 4, 16), (4, 2, 24), (6, 1, 6), (2, 2, 128)]);

    [Fact]
    public void A_head_is_stored_within_half_a_step_and_its_largest_number_exactly()
    {
        Gen.Select(Gen.Float[-100, 100].Array[1, 130], Gen.Double[-30, 30]).Sample((numbers, exponent) =>
        {
            float factor = (float)Math.Pow(2, exponent);
            float[] x = [.. numbers.Select(number => number * factor)];
            (float scale, sbyte[] quants) = Store(x);
            float largest = x.Max(MathF.Abs);
            Assert.Equal(largest / 127, scale);
            for (int i = 0; i < x.Length; i++)
                Assert.InRange(Math.Abs(x[i] - ((double)scale * quants[i])), 0, scale * 0.5001);
            Assert.Equal(largest > 0 ? 127 : 0, quants.Max(quant => Math.Abs((int)quant)));
        });
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void A_head_with_a_number_that_is_none_is_not_a_number(float bad) => Assert.True(float.IsNaN(Store([1, bad, 2]).Scale));

    [Fact]
    public void Numbers_below_every_scale_are_zero()
    {
        (float scale, sbyte[] quants) = Store([float.Epsilon, -float.Epsilon]);
        Assert.Equal((0f, 0, 0), (scale, quants[0], quants[1]));
        (scale, quants) = Store([100 * float.Epsilon, 0]);
        Assert.InRange(scale * quants[0] / float.Epsilon, 90, 130);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Appended_heads_are_the_narrowed_heads_of_an_fp32_cache(KvElement narrow, (int Heads, int KvHeads, int HeadDim) shape)
    {
        Check<Vector512<float>, Lanes512>(narrow, shape.Heads, shape.KvHeads, shape.HeadDim);
        Check<Vector256<float>, Lanes256>(narrow, shape.Heads, shape.KvHeads, shape.HeadDim);
        Check<Vector128<float>, Lanes128>(narrow, shape.Heads, shape.KvHeads, shape.HeadDim);

        static void Check<TVector, TLanes>(KvElement narrow, int heads, int kvHeads, int headDim)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            const int Pages = 3;
            int stride = (heads + (2 * kvHeads)) * headDim;
            using NativeBuffer<int> positions = NativeBuffer.Of(62, 63, 64, 65, 127);
            using NativeBuffer<int> sequences = NativeBuffer.Of(0, 0, 0, 0, 0);
            using NativeBuffer<int> table = NativeBuffer.Of(2, 0);
            using var cos = new NativeBuffer<float>(128 * headDim / 2);
            using var sin = new NativeBuffer<float>(128 * headDim / 2);
            Rope.BuildTable(10000, headDim, 128, cos.Span, sin.Span);
            using NativeBuffer<float> qkv = NativeBuffer.Normal(5 * stride, headDim);
            foreach (bool isDefinition in (bool[])[false, true])
            {
                using NativeBuffer<byte> k = Append(KvElement.F32, isDefinition, out NativeBuffer<byte> v);
                using NativeBuffer<byte> narrowK = Append(narrow, isDefinition, out NativeBuffer<byte> narrowV);
                using NativeBuffer<byte> expectedK = Narrow(narrow, k, Pages, kvHeads, headDim, areKeys: true);
                using NativeBuffer<byte> expectedV = Narrow(narrow, v, Pages, kvHeads, headDim, areKeys: false);
                Assert.True(expectedK.Span.SequenceEqual(narrowK.Span));
                Assert.True(expectedV.Span.SequenceEqual(narrowV.Span));
                v.Dispose();
                narrowV.Dispose();
            }

            NativeBuffer<byte> Append(KvElement element, bool isDefinition, out NativeBuffer<byte> v)
            {
                using NativeBuffer<float> joined = qkv.Copy();
                var k = new NativeBuffer<byte>(Pages * KvLayout.PageBytes(element, kvHeads, headDim));
                v = new NativeBuffer<byte>(k.Length);
                var arguments = new KvAppendArguments
                {
                    Qkv = joined.Pointer,
                    QkvStride = stride,
                    Heads = heads,
                    KvHeads = kvHeads,
                    HeadDim = headDim,
                    Cos = cos.Pointer,
                    Sin = sin.Pointer,
                    Positions = positions.Pointer,
                    Sequences = sequences.Pointer,
                    PageTable = table.Pointer,
                    MaxPages = 2,
                    KPool = k.Pointer,
                    VPool = v.Pointer,
                    Element = element,
                };
                if (isDefinition)
                {
                    for (int row = 0; row < 5; row++)
                        KvAppend.Define(arguments, row);
                }
                else
                {
                    KvAppend.Cpu<TVector, TLanes>(arguments, 0, 5);
                }
                return k;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Attention_has_the_bits_of_attention_to_the_widened_cache(KvElement narrow, (int Heads, int KvHeads, int HeadDim) shape)
    {
        Check<Vector512<float>, Lanes512>(narrow, shape.Heads, shape.KvHeads, shape.HeadDim);
        Check<Vector256<float>, Lanes256>(narrow, shape.Heads, shape.KvHeads, shape.HeadDim);
        Check<Vector128<float>, Lanes128>(narrow, shape.Heads, shape.KvHeads, shape.HeadDim);

        static void Check<TVector, TLanes>(KvElement narrow, int heads, int kvHeads, int headDim)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            using var @case = new PagedCase(heads, kvHeads, headDim, 3, (130, 1), (0, 40), (61, 5));
            int pages = @case.Pages;
            using NativeBuffer<byte> narrowK = Narrow(narrow, @case.Keys, pages, kvHeads, headDim, areKeys: true);
            using NativeBuffer<byte> narrowV = Narrow(narrow, @case.Values, pages, kvHeads, headDim, areKeys: false);
            using NativeBuffer<float> k = Widen(narrow, narrowK, pages, kvHeads, headDim, areKeys: true);
            using NativeBuffer<float> v = Widen(narrow, narrowV, pages, kvHeads, headDim, areKeys: false);
            AttentionArguments widened = @case.Arguments with { KPool = k.Pointer, VPool = v.Pointer };
            AttentionArguments stored = @case.Arguments with { KPool = narrowK.Pointer, VPool = narrowV.Pointer, Element = narrow };
            Attend<TVector, TLanes>(@case, widened);
            float[] expected = @case.Output.Span.ToArray();
            @case.Output.Span.Fill(float.NaN);
            Attend<TVector, TLanes>(@case, stored);
            for (int row = 0; row < @case.Rows; row++)
            {
                int start = row * (int)@case.Arguments.OutputStride;
                NativeBuffer.AssertSameBits(expected.AsSpan(start, heads * headDim), @case.Output.Span.Slice(start, heads * headDim));
            }
            var defined = new float[headDim];
            Attention.Define(stored, @case.Rows - 1, heads - 1, defined);
            NativeBuffer.AssertClose(defined, @case.OutputOf(@case.Rows - 1, heads - 1), 2e-6);
        }
    }

    [Theory]
    [InlineData(float.NaN, false)]
    [InlineData(float.NegativeInfinity, false)]
    [InlineData(float.NaN, true)]
    [InlineData(float.PositiveInfinity, true)]
    public void A_half_cache_keeps_what_is_no_number_from_nobody_who_sees_it(float bad, bool isValue)
    {
        Check<Vector512<float>, Lanes512>(bad, isValue);
        Check<Vector256<float>, Lanes256>(bad, isValue);
        Check<Vector128<float>, Lanes128>(bad, isValue);

        static void Check<TVector, TLanes>(float bad, bool isValue)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            const int HeadDim = 20, Rows = 9, Bad = 4;
            using NativeBuffer<float> qkv = NativeBuffer.Normal(Rows * 3 * HeadDim, 5);
            qkv.Pointer[(Bad * 3 * HeadDim) + ((isValue ? 2 : 1) * HeadDim) + 17] = bad;
            qkv.Pointer[((Bad + 1) * 3 * HeadDim) + (2 * HeadDim)] = 1e6f;
            using NativeBuffer<int> positions = NativeBuffer.Of([.. Enumerable.Range(0, Rows)]);
            using var sequences = new NativeBuffer<int>(Rows);
            using NativeBuffer<int> table = NativeBuffer.Of(0);
            using var cos = new NativeBuffer<float>(64 * HeadDim / 2);
            using var sin = new NativeBuffer<float>(64 * HeadDim / 2);
            Rope.BuildTable(10000, HeadDim, 64, cos.Span, sin.Span);
            using var k = new NativeBuffer<byte>(KvLayout.PageBytes(KvElement.F16, 1, HeadDim));
            using var v = new NativeBuffer<byte>(k.Length);
            KvAppend.Cpu<TVector, TLanes>(
                new KvAppendArguments
                {
                    Qkv = qkv.Pointer,
                    QkvStride = 3 * HeadDim,
                    Heads = 1,
                    KvHeads = 1,
                    HeadDim = HeadDim,
                    Cos = cos.Pointer,
                    Sin = sin.Pointer,
                    Positions = positions.Pointer,
                    Sequences = sequences.Pointer,
                    PageTable = table.Pointer,
                    MaxPages = 1,
                    KPool = k.Pointer,
                    VPool = v.Pointer,
                    Element = KvElement.F16,
                },
                0,
                Rows);
            Assert.Equal((Half)65504, ((Half*)v.Pointer)[(Bad + 1) * HeadDim]);
            using var output = new NativeBuffer<float>(Rows * HeadDim);
            using var workspace = new NativeBuffer<float>(Attention.WorkspaceFloats(HeadDim), float.NaN);
            var arguments = new AttentionArguments
            {
                Query = qkv.Pointer,
                QueryStride = 3 * HeadDim,
                KPool = k.Pointer,
                VPool = v.Pointer,
                Element = KvElement.F16,
                PageTable = table.Pointer,
                MaxPages = 1,
                Positions = positions.Pointer,
                Sequences = sequences.Pointer,
                Output = output.Pointer,
                OutputStride = HeadDim,
                Heads = 1,
                KvHeads = 1,
                HeadDim = HeadDim,
            };
            // All rows at once, and each alone: other loops widen the tiles.
            foreach (int step in (int[])[Rows, 1])
            {
                output.Span.Clear();
                for (int row = 0; row < Rows; row += step)
                    Attention.Cpu<TVector, TLanes>(arguments, row, step, 0, workspace.Pointer);
                for (int i = 0; i < Rows * HeadDim; i++)
                    Assert.Equal(i / HeadDim >= Bad, float.IsNaN(output.Pointer[i]));
            }
        }
    }

    [Theory]
    [InlineData(KvElement.F16, 37)]
    [InlineData(KvElement.Q8, 0)]
    [InlineData(KvElement.Q8, 37)]
    [InlineData(KvElement.Q8, 64)]
    public void A_copied_page_holds_the_first_positions_and_nothing_else_changes(KvElement element, int positions)
    {
        const int KvHeads = 2, HeadDim = 10;
        int bytes = (int)KvLayout.PageBytes(element, KvHeads, HeadDim);
        using var k = new NativeBuffer<byte>(2 * bytes);
        using var v = new NativeBuffer<byte>(2 * bytes);
        new Random(1).NextBytes(k.Span);
        new Random(2).NextBytes(v.Span);
        using NativeBuffer<byte> kBefore = k.Copy();
        using NativeBuffer<byte> vBefore = v.Copy();
        CopyPage.Cpu(k.Pointer, v.Pointer, element, KvHeads, HeadDim, source: 1, destination: 0, positions);
        Assert.True(k.Span[bytes..].SequenceEqual(kBefore.Span[bytes..]));
        Assert.True(v.Span[bytes..].SequenceEqual(vBefore.Span[bytes..]));
        for (int head = 0; head < KvHeads; head++)
        {
            for (int slot = 0; slot < KvLayout.PagePositions; slot++)
            {
                int page = slot < positions ? 1 : 0;
                for (int d = element == KvElement.Q8 ? -1 : 0; d < HeadDim; d++)
                {
                    Assert.Equal(Number(kBefore, page, d, (d * KvLayout.PagePositions) + slot), Number(k, 0, d, (d * KvLayout.PagePositions) + slot));
                    Assert.Equal(Number(vBefore, page, d, (slot * HeadDim) + d), Number(v, 0, d, (slot * HeadDim) + d));
                }

                // -1 stands for the scale.
                int Number(NativeBuffer<byte> pool, int ofPage, int d, int index)
                {
                    byte* tile = KvLayout.Tile(pool.Pointer, element, ofPage, KvHeads, head, HeadDim);
                    if (d < 0)
                        return ((int*)KvLayout.Scales(tile, HeadDim))[slot];
                    return element == KvElement.Q8 ? tile[index] : ((ushort*)tile)[index];
                }
            }
        }
    }

    private static (float Scale, sbyte[] Quants) Store(float[] x)
    {
        var quants = new sbyte[x.Length];
        fixed (float* source = x)
        fixed (sbyte* destination = quants)
            return (QuantizedHead.Store(source, x.Length, destination, 1), quants);
    }

    private static void Attend<TVector, TLanes>(PagedCase @case, AttentionArguments arguments)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        using var workspace = new NativeBuffer<float>(Attention.WorkspaceFloats(arguments.HeadDim), float.NaN);
        int firstRow = 0;
        foreach ((int _, int rows) in @case.Sequences)
        {
            for (int kvHead = 0; kvHead < arguments.KvHeads; kvHead++)
                Attention.Cpu<TVector, TLanes>(arguments, firstRow, rows, kvHead, workspace.Pointer);
            firstRow += rows;
        }
    }

    /// <summary>The heads of an fp32 pool one by one in a narrower pool. What was never written is 0 in both.</summary>
    private static NativeBuffer<byte> Narrow<T>(KvElement element, NativeBuffer<T> pool, int pages, int kvHeads, int headDim, bool areKeys)
        where T : unmanaged
    {
        var narrow = new NativeBuffer<byte>(pages * KvLayout.PageBytes(element, kvHeads, headDim));
        var x = stackalloc float[headDim];
        for (int page = 0; page < pages; page++)
        {
            for (int head = 0; head < kvHeads; head++)
            {
                float* from = KvLayout.Tile((float*)pool.Pointer, page, kvHeads, head, headDim);
                byte* to = KvLayout.Tile(narrow.Pointer, element, page, kvHeads, head, headDim);
                for (int slot = 0; slot < KvLayout.PagePositions; slot++)
                {
                    int stride = areKeys ? KvLayout.PagePositions : 1;
                    int first = areKeys ? slot : slot * headDim;
                    for (int d = 0; d < headDim; d++)
                        x[d] = from[first + (d * stride)];
                    if (element == KvElement.Q8)
                        KvLayout.Scales(to, headDim)[slot] = QuantizedHead.Store(x, headDim, (sbyte*)to + first, stride);
                    for (int d = 0; element == KvElement.F16 && d < headDim; d++)
                        ((Half*)to)[first + (d * stride)] = (Half)x[d];
                }
            }
        }
        return narrow;
    }

    private static NativeBuffer<float> Widen(KvElement element, NativeBuffer<byte> pool, int pages, int kvHeads, int headDim, bool areKeys)
    {
        var widened = new NativeBuffer<float>(pages * KvLayout.PageFloats(kvHeads, headDim));
        for (int page = 0; page < pages; page++)
        {
            for (int head = 0; head < kvHeads; head++)
            {
                byte* from = KvLayout.Tile(pool.Pointer, element, page, kvHeads, head, headDim);
                float* to = KvLayout.Tile(widened.Pointer, page, kvHeads, head, headDim);
                for (int i = 0; i < KvLayout.TileFloats(headDim); i++)
                    to[i] = KvLayout.Number(element, from, headDim, i, areKeys ? i % KvLayout.PagePositions : i / headDim);
            }
        }
        return widened;
    }
}
