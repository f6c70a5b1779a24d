using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels.Tests;

public sealed unsafe class KvCacheTests
{
    [Theory]
    [InlineData(4, 4, 16)]
    [InlineData(4, 2, 24)]
    [InlineData(6, 1, 6)]
    [InlineData(2, 2, 128)]
    public void Appending_agrees_with_the_definition_and_with_any_split(int heads, int kvHeads, int headDim)
    {
        Check<Vector512<float>, Lanes512>(heads, kvHeads, headDim);
        Check<Vector256<float>, Lanes256>(heads, kvHeads, headDim);
        Check<Vector128<float>, Lanes128>(heads, kvHeads, headDim);

        static void Check<TVector, TLanes>(int heads, int kvHeads, int headDim)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            // Two sequences whose pages lie mixed; sequence 0 crosses the edge of its first page.
            const int Pages = 5, MaxPages = 3;
            int[] positions = [61, 62, 63, 64, 65, 0, 1, 150];
            int[] sequences = [0, 0, 0, 0, 0, 1, 1, 1];
            int rows = positions.Length;
            int stride = ((heads + (2 * kvHeads)) * headDim) + 1;
            using NativeBuffer<int> position = NativeBuffer.Of(positions);
            using NativeBuffer<int> sequence = NativeBuffer.Of(sequences);
            using NativeBuffer<int> table = NativeBuffer.Of(3, 1, -1, 0, -1, 4);
            using var cos = new NativeBuffer<float>(200 * headDim / 2);
            using var sin = new NativeBuffer<float>(200 * headDim / 2);
            Rope.BuildTable(10000, headDim, 200, cos.Span, sin.Span);
            using NativeBuffer<float> qkv = NativeBuffer.Normal(rows * stride, headDim);
            (float[] Qkv, float[] K, float[] V) Run(Action<KvAppendArguments> append)
            {
                using NativeBuffer<float> joined = qkv.Copy();
                using var k = new NativeBuffer<float>(Pages * KvLayout.PageFloats(kvHeads, headDim), -7);
                using var v = new NativeBuffer<float>(Pages * KvLayout.PageFloats(kvHeads, headDim), -7);
                append(new KvAppendArguments
                {
                    Qkv = joined.Pointer,
                    QkvStride = stride,
                    Heads = heads,
                    KvHeads = kvHeads,
                    HeadDim = headDim,
                    Cos = cos.Pointer,
                    Sin = sin.Pointer,
                    Positions = position.Pointer,
                    Sequences = sequence.Pointer,
                    PageTable = table.Pointer,
                    MaxPages = MaxPages,
                    KPool = k.Pointer,
                    VPool = v.Pointer,
                });
                return (joined.Span.ToArray(), k.Span.ToArray(), v.Span.ToArray());
            }

            var expected = Run(arguments =>
            {
                for (int row = 0; row < rows; row++)
                    KvAppend.Define(arguments, row);
            });
            var together = Run(arguments => KvAppend.Cpu<TVector, TLanes>(arguments, 0, rows));
            var split = Run(arguments =>
            {
                KvAppend.Cpu<TVector, TLanes>(arguments, 3, rows - 3);
                KvAppend.Cpu<TVector, TLanes>(arguments, 0, 1);
                KvAppend.Cpu<TVector, TLanes>(arguments, 1, 2);
            });
            NativeBuffer.AssertClose(expected.Qkv, together.Qkv, 5e-7);
            NativeBuffer.AssertClose(expected.K, together.K, 5e-7);
            NativeBuffer.AssertSameBits(expected.V, together.V);
            NativeBuffer.AssertSameBits(together.Qkv, split.Qkv);
            NativeBuffer.AssertSameBits(together.K, split.K);
            NativeBuffer.AssertSameBits(together.V, split.V);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(37)]
    [InlineData(64)]
    public void A_copied_page_holds_the_first_positions_and_nothing_else_changes(int positions)
    {
        const int KvHeads = 3, HeadDim = 10, Source = 2, Destination = 0;
        using NativeBuffer<float> k = NativeBuffer.Normal(3 * KvLayout.PageFloats(KvHeads, HeadDim), 1);
        using NativeBuffer<float> v = NativeBuffer.Normal(3 * KvLayout.PageFloats(KvHeads, HeadDim), 2);
        using NativeBuffer<float> kBefore = k.Copy();
        using NativeBuffer<float> vBefore = v.Copy();

        CopyPage.Cpu(k.Pointer, v.Pointer, KvElement.F32, KvHeads, HeadDim, Source, Destination, positions);

        for (int head = 0; head < KvHeads; head++)
        {
            for (int slot = 0; slot < KvLayout.PagePositions; slot++)
            {
                int from = slot < positions ? Source : Destination;
                for (int d = 0; d < HeadDim; d++)
                {
                    int kIndex = (d * KvLayout.PagePositions) + slot;
                    int vIndex = (slot * HeadDim) + d;
                    Assert.Equal(
                        KvLayout.Tile(kBefore.Pointer, from, KvHeads, head, HeadDim)[kIndex],
                        KvLayout.Tile(k.Pointer, Destination, KvHeads, head, HeadDim)[kIndex]);
                    Assert.Equal(
                        KvLayout.Tile(vBefore.Pointer, from, KvHeads, head, HeadDim)[vIndex],
                        KvLayout.Tile(v.Pointer, Destination, KvHeads, head, HeadDim)[vIndex]);
                }
            }
        }
        int page = (int)KvLayout.PageFloats(KvHeads, HeadDim);
        NativeBuffer.AssertSameBits(kBefore.Span[page..], k.Span[page..]);
        NativeBuffer.AssertSameBits(vBefore.Span[page..], v.Span[page..]);
    }
}
