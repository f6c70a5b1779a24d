using System.Runtime.Intrinsics;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels.Tests;

public sealed unsafe class EmbeddingTests
{
    [Theory]
    [InlineData(ElementType.F32)]
    [InlineData(ElementType.F16)]
    [InlineData(ElementType.BF16)]
    public void Gathered_rows_are_the_table_rows_widened(ElementType type)
    {
        Check<Vector512<float>, Lanes512>(type);
        Check<Vector256<float>, Lanes256>(type);
        Check<Vector128<float>, Lanes128>(type);

        static void Check<TVector, TLanes>(ElementType type)
            where TVector : struct
            where TLanes : ILanes<TVector>
        {
            foreach (int columns in new[] { 1, 24, 48, 67 })
            {
                const int TableRows = 9;
                int tableStride = columns + 2;
                int yStride = columns + 3;
                using var table = new NativeBuffer<byte>(TableRows * tableStride * type.Size());
                var random = new Random(columns);
                for (int i = 0; i < TableRows * tableStride; i++)
                {
                    float value = (float)((random.NextDouble() * 4) - 2);
                    if (type == ElementType.F32)
                        ((float*)table.Pointer)[i] = value;
                    else if (type == ElementType.F16)
                        ((Half*)table.Pointer)[i] = (Half)value;
                    else
                        ((ushort*)table.Pointer)[i] = (ushort)(BitConverter.SingleToInt32Bits(value) >> 16);
                }
                using NativeBuffer<int> ids = NativeBuffer.Of(8, 0, 0, 5);
                using var y = new NativeBuffer<float>(4 * yStride, -7);
                GatherRows.Cpu<TVector, TLanes>(
                    table.Pointer, type, tableStride, TableRows, columns, ids.Pointer, y.Pointer, yStride, 1, 3);
                for (int row = 0; row < 4; row++)
                {
                    for (int c = 0; c < yStride; c++)
                    {
                        float expected = row == 0 || c >= columns
                            ? -7
                            : GatherRows.Define(table.Pointer, type, (ids.Span[row] * (long)tableStride) + c);
                        Assert.Equal(expected, y.Span[(row * yStride) + c]);
                    }
                }
            }
        }
    }

    [Theory]
    [InlineData(-200)]
    [InlineData(-1)]
    [InlineData(4)]
    public void An_id_outside_the_table_is_refused(int id)
    {
        using var table = new NativeBuffer<float>(4);
        using var y = new NativeBuffer<float>(1);
        using NativeBuffer<int> ids = NativeBuffer.Of(id);
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => GatherRows.Cpu<Vector128<float>, Lanes128>(
            table.Pointer, ElementType.F32, 1, 4, 1, ids.Pointer, y.Pointer, 1, 0, 1));
        Assert.Contains($"row {id} of a table of 4 rows", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_of_integers_is_refused()
    {
        using var table = new NativeBuffer<float>(4);
        using var y = new NativeBuffer<float>(1);
        using NativeBuffer<int> ids = NativeBuffer.Of(0);
        Assert.Throws<ArgumentOutOfRangeException>(() => GatherRows.Cpu<Vector128<float>, Lanes128>(
            table.Pointer, ElementType.I32, 1, 4, 1, ids.Pointer, y.Pointer, 1, 0, 1));
    }

    [Theory]
    [InlineData(6, 2)]
    [InlineData(56, 14)]
    [InlineData(47, 7)]
    public void Patches_follow_the_order_of_convolution_weights(int side, int patch)
    {
        int rows = ExtractPatches.Rows(side, patch);
        int columns = ExtractPatches.Columns(patch);
        int stride = columns + 3;
        using NativeBuffer<float> pixels = NativeBuffer.Normal(3 * side * side, 1);
        using var y = new NativeBuffer<float>(rows * stride, -7);
        ExtractPatches.Cpu(pixels.Pointer, side, patch, y.Pointer, stride, 0, 2);
        ExtractPatches.Cpu(pixels.Pointer, side, patch, y.Pointer, stride, 2, rows - 2);
        for (int row = 0; row < rows; row++)
        {
            for (int c = 0; c < columns; c++)
                Assert.Equal(ExtractPatches.Define(pixels.Pointer, side, patch, row, c), y.Span[(row * stride) + c]);
            Assert.Equal(-7, y.Span[(row * stride) + columns]);
        }
        // One element by hand: channel 2, line 1 and column 1 of the last patch.
        int grid = side / patch;
        Assert.Equal(
            pixels.Span[(2 * side * side) + ((((grid - 1) * patch) + 1) * side) + ((grid - 1) * patch) + 1],
            y.Span[((rows - 1) * stride) + (2 * patch * patch) + patch + 1]);
    }
}
