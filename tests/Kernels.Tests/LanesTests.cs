using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels.Tests;

public sealed unsafe class LanesTests
{
    [Fact]
    public void Every_binary16_widens_exactly()
    {
        Check<Vector512<float>, Lanes512>();
        Check<Vector256<float>, Lanes256>();
        Check<Vector128<float>, Lanes128>();

        static void Check<TVector, TLanes>()
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            ushort* halves = stackalloc ushort[16];
            float* wide = stackalloc float[16];
            float* finite = stackalloc float[16];
            for (int start = 0; start < 65536; start += TLanes.Width)
            {
                for (int i = 0; i < TLanes.Width; i++)
                    halves[i] = (ushort)(start + i);
                TLanes.Store(TLanes.LoadF16(halves), wide);
                TLanes.Store(TLanes.LoadFiniteF16(halves), finite);
                for (int i = 0; i < TLanes.Width; i++)
                {
                    float expected = (float)BitConverter.UInt16BitsToHalf(halves[i]);
                    if (float.IsNaN(expected))
                        Assert.True(float.IsNaN(wide[i]));
                    else
                        Assert.Equal(BitConverter.SingleToInt32Bits(expected), BitConverter.SingleToInt32Bits(wide[i]));
                    if (float.IsFinite(expected))
                        Assert.Equal(BitConverter.SingleToInt32Bits(expected), BitConverter.SingleToInt32Bits(finite[i]));
                    else
                        Assert.True(Math.Abs(finite[i]) >= 65536);
                }
            }
        }
    }

    [Fact]
    public void Numbers_round_to_binary16_and_large_ones_to_the_largest()
    {
        // Every half, all that lies halfway to the next, and the neighbours of both.
        var numbers = new List<float> { 65519, 65520, 1e9f, float.MaxValue, float.Epsilon, 1e-30f };
        for (int bits = 0; bits < 0x7c00; bits++)
        {
            float half = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
            float middle = bits == 0x7bff ? half : (half + (float)BitConverter.UInt16BitsToHalf((ushort)(bits + 1))) / 2;
            foreach (float number in (float[])[half, middle])
                numbers.AddRange([number, MathF.BitIncrement(number), MathF.BitDecrement(number)]);
        }
        float[] all = [.. numbers, .. numbers.Select(number => -number), .. new float[16 - (2 * numbers.Count % 16)]];
        Check<Vector512<float>, Lanes512>(all);
        Check<Vector256<float>, Lanes256>(all);
        Check<Vector128<float>, Lanes128>(all);

        static void Check<TVector, TLanes>(float[] all)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            ushort* halves = stackalloc ushort[16];
            fixed (float* source = all)
            {
                for (int start = 0; start < all.Length; start += TLanes.Width)
                {
                    TLanes.StoreF16(TLanes.Load(source + start), halves);
                    for (int i = 0; i < TLanes.Width; i++)
                        Assert.Equal(BitConverter.HalfToUInt16Bits((Half)Math.Clamp(source[start + i], -65504, 65504)), halves[i]);
                }
            }
        }
    }

    [Fact]
    public void Exp_is_within_two_ulp()
    {
        Check<Vector512<float>, Lanes512>();
        Check<Vector256<float>, Lanes256>();
        Check<Vector128<float>, Lanes128>();

        static void Check<TVector, TLanes>()
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            for (float x = -87.3f; x < 87.9f; x += 0.0137f)
            {
                double expected = Math.Exp(x);
                float actual = TLanes.MaxLane(TLanes.Exp(TLanes.Broadcast(x)));
                Assert.InRange(Math.Abs(actual - expected), 0, 2 * (double)MathF.BitIncrement((float)expected) - 2 * (double)(float)expected);
            }
            Assert.Equal(0f, TLanes.MaxLane(TLanes.Exp(TLanes.Broadcast(float.NegativeInfinity))));
            Assert.True(float.IsNaN(TLanes.Sum(TLanes.Exp(TLanes.Broadcast(float.NaN)))));
        }
    }

    [Fact]
    public void Partial_loads_fill_with_zeros_and_partial_stores_leave_the_rest()
    {
        Check<Vector512<float>, Lanes512>();
        Check<Vector256<float>, Lanes256>();
        Check<Vector128<float>, Lanes128>();

        static void Check<TVector, TLanes>()
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            float* source = stackalloc float[16];
            float* destination = stackalloc float[16];
            for (int i = 0; i < 16; i++)
                source[i] = i + 1;
            for (int count = 0; count < TLanes.Width; count++)
            {
                TLanes.Store(TLanes.LoadPartial(source, count), destination);
                for (int i = 0; i < TLanes.Width; i++)
                    Assert.Equal(i < count ? i + 1 : 0, destination[i]);
                new Span<float>(destination, 16).Fill(-7);
                TLanes.StorePartial(TLanes.Load(source), destination, count);
                for (int i = 0; i < 16; i++)
                    Assert.Equal(i < count ? i + 1 : -7, destination[i]);
            }
        }
    }
}
