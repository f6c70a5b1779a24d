using ChainOfSpot.Kernels.Lanes;
using ChainOfSpot.Kernels.Quantization;

namespace ChainOfSpot.Kernels;

/// <content>The SIMD form.</content>
public static unsafe partial class GatherRows
{
    /// <summary>Gathers a range of rows.</summary>
    /// <param name="table">[tableRows, columns].</param>
    /// <param name="type">How the table is stored.</param>
    /// <param name="tableStride">Elements from a row of the table to the next.</param>
    /// <param name="tableRows">Rows of the table.</param>
    /// <param name="columns">Columns of a row.</param>
    /// <param name="ids">The table row of each output row [rows].</param>
    /// <param name="y">[rows, columns].</param>
    /// <param name="yStride">Floats from a row of y to the next.</param>
    /// <param name="firstRow">The first row.</param>
    /// <param name="rows">The number of rows.</param>
    /// <exception cref="ArgumentException">The type has no fp32 value.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An id is no row of the table.</exception>
    public static void Cpu<TVector, TLanes>(
        void* table, ElementType type, nint tableStride, int tableRows, int columns, int* ids, float* y, nint yStride,
        int firstRow, int rows)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        for (int row = firstRow; row < firstRow + rows; row++)
        {
            int id = ids[row];
            if ((uint)id >= (uint)tableRows)
                throw new ArgumentOutOfRangeException(nameof(ids), id, $"Row {row} asks for row {id} of a table of {tableRows} rows.");
            float* destination = y + (row * yStride);
            byte* source = (byte*)table + (id * type.RowBytes(tableStride));
            if (type == ElementType.F16)
                WidenF16<TVector, TLanes>((ushort*)source, destination, columns);
            else if (type == ElementType.BF16)
                WidenBF16<TVector, TLanes>((ushort*)source, destination, columns);
            else
                Dequantize.Row(type, source, columns, destination);
        }
    }

    private static void WidenF16<TVector, TLanes>(ushort* source, float* destination, int columns)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int c = 0;
        for (; c <= columns - TLanes.Width; c += TLanes.Width)
            TLanes.Store(TLanes.LoadF16(source + c), destination + c);
        for (; c < columns; c++)
            destination[c] = Define(source, ElementType.F16, c);
    }

    private static void WidenBF16<TVector, TLanes>(ushort* source, float* destination, int columns)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int c = 0;
        for (; c <= columns - TLanes.Width; c += TLanes.Width)
            TLanes.Store(TLanes.LoadBF16(source + c), destination + c);
        for (; c < columns; c++)
            destination[c] = Define(source, ElementType.BF16, c);
    }
}
