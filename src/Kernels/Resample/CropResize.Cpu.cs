using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <content>
/// The SIMD form: <see cref="Prepare"/> once, then <see cref="HorizontalCpu{TVector, TLanes}"/> over the rows of the picture
/// that are read, then <see cref="VerticalCpu{TVector, TLanes}"/> over the rows of the output; each pass may be split among
/// threads by rows. Margin, pad and outside are constant along a row, so their taps are summed up once into one weight each
/// and the inner loops touch pixels of the picture only.
/// </content>
public static unsafe partial class CropResize
{
    // Taps that the widest form does at once; the horizontal tables are padded with zero weights to a multiple of it.
    private const int TapBlock = 8;

    // Rows filtered together, so that the weights are loaded once for all of them.
    private const int RowBlock = 4;

    // Bytes that a block of taps may read beyond its window: 7 pixels and 10 bytes.
    private const int ReadAhead = (TapBlock - 1) * 3 + 10;

    /// <summary>The workspace that a resize needs, aligned to 64 bytes: tap tables and one 8-bit row an input row.</summary>
    public static long WorkspaceBytes(in ResampleGeometry geometry) =>
        TapTable.Bytes(geometry.Horizontal) + TapTable.Bytes(geometry.Vertical) + (long)RowBytes(geometry) * (geometry.Rows + 4);

    /// <summary>Fills the tap tables and the constant rows of the workspace.</summary>
    /// <param name="geometry">What is read and written.</param>
    /// <param name="workspace">[<see cref="WorkspaceBytes"/>], aligned to 64 bytes.</param>
    public static void Prepare(in ResampleGeometry geometry, byte* workspace)
    {
        var columns = new TapTable(geometry.Horizontal, workspace);
        var rows = new TapTable(geometry.Vertical, columns.End);
        columns.Fill(geometry.Horizontal, 0, TapBlock);
        rows.Fill(geometry.Vertical, geometry.Vertical.FirstRead, 2);

        var work = new Rows(geometry, workspace);
        for (int x = 0; x < geometry.Horizontal.Output; x++)
        {
            int picture = columns.PictureWeight(x);
            for (int c = 0; c < 3; c++)
            {
                int i = x * 3 + c;
                work.Margin[i] = Clip8(Half + Background[c] * (columns.Margin[x] + columns.Outside[x] + columns.Pad[x] + picture));
                work.Outside[i] = Clip8(Half + Background[c] * columns.Margin[x]);
                work.Pad[i] = Clip8(Half + Background[c] * (columns.Margin[x] + columns.Pad[x] + picture));
            }
        }
    }

    /// <summary>The horizontal pass over rows [first, end) of the <see cref="ResampleGeometry.Rows"/> that are read.</summary>
    /// <param name="geometry">What is read and written.</param>
    /// <param name="picture">[picture height][picture width][3]; nothing outside it is touched.</param>
    /// <param name="workspace">Prepared; rows [first, end) of it are written.</param>
    /// <param name="first">First row.</param>
    /// <param name="end">Row after the last.</param>
    public static void HorizontalCpu<TVector, TLanes>(in ResampleGeometry geometry, byte* picture, byte* workspace, int first, int end)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        int width = geometry.Horizontal.Picture;
        int skipped = geometry.Vertical.FirstRead;
        // A block of taps may read past its row; in the last rows that would be past the picture.
        int safe = geometry.Vertical.Picture - (ReadAhead + width * 3 - 1) / (width * 3) - skipped;
        int fast = Math.Clamp(safe, first, end);
        if (TLanes.Width >= 16 && Avx512BW.IsSupported)
            Horizontal<Vector512<int>, TapLanes512>(geometry, picture, workspace, first, fast);
        else if (TLanes.Width >= 8 && Avx2.IsSupported)
            Horizontal<Vector256<int>, TapLanes256>(geometry, picture, workspace, first, fast);
        else
            Horizontal<Vector128<int>, TapLanes128>(geometry, picture, workspace, first, fast);

        var table = new TapTable(geometry.Horizontal, workspace);
        var work = new Rows(geometry, workspace);
        for (int row = fast; row < end; row++)
            HorizontalRow(geometry.Horizontal, table, picture + ((long)(row + skipped) * width * 3), work.Picture(row));
    }

    /// <summary>The vertical pass over rows [first, end) of the output.</summary>
    /// <param name="geometry">What is read and written.</param>
    /// <param name="workspace">Prepared, and all its rows written by the horizontal pass.</param>
    /// <param name="rgb">[output height][output width][3]; rows [first, end) are written.</param>
    /// <param name="levels">[3][256] from <see cref="NormalizedLevels"/>; not read where <paramref name="planes"/> is null.</param>
    /// <param name="planes">[3][output height][output width], or null where only the bytes are wanted.</param>
    /// <param name="first">First row.</param>
    /// <param name="end">Row after the last.</param>
    public static void VerticalCpu<TVector, TLanes>(
        in ResampleGeometry geometry, byte* workspace, byte* rgb, float* levels, float* planes, int first, int end)
        where TVector : struct
        where TLanes : ILanes<TVector>
    {
        if (TLanes.Width >= 16 && Avx512BW.IsSupported)
            Vertical<Vector512<int>, TapLanes512>(geometry, workspace, rgb, first, end);
        else if (TLanes.Width >= 8 && Avx2.IsSupported)
            Vertical<Vector256<int>, TapLanes256>(geometry, workspace, rgb, first, end);
        else
            Vertical<Vector128<int>, TapLanes128>(geometry, workspace, rgb, first, end);

        if (planes == null)
            return;
        int width = geometry.Horizontal.Output;
        long plane = (long)width * geometry.Vertical.Output;
        for (long pixel = (long)first * width; pixel < (long)end * width; pixel++)
        {
            planes[pixel] = levels[rgb[pixel * 3]];
            planes[pixel + plane] = levels[256 + rgb[pixel * 3 + 1]];
            planes[pixel + 2 * plane] = levels[512 + rgb[pixel * 3 + 2]];
        }
    }

    private static int RowBytes(in ResampleGeometry geometry) =>
        // One byte more than a row: a pixel is written as four bytes.
        (geometry.Horizontal.Output * 3 + 1 + 63) & ~63;

    private static void Horizontal<TVector, TTaps>(in ResampleGeometry geometry, byte* picture, byte* workspace, int first, int end)
        where TVector : struct
        where TTaps : struct, ITapLanes<TVector>
    {
        var table = new TapTable(geometry.Horizontal, workspace);
        var work = new Rows(geometry, workspace);
        Vector128<int> background = Vector128.Create(Background[0], Background[1], Background[2], 0);
        int rowBytes = geometry.Horizontal.Picture * 3;
        byte* origin = picture + ((long)geometry.Vertical.FirstRead * rowBytes);
        for (int row = first; row < end; row += RowBlock)
        {
            // A last, smaller block filters its last row again instead of needing a form of its own.
            int row1 = Math.Min(row + 1, end - 1), row2 = Math.Min(row + 2, end - 1), row3 = Math.Min(row + 3, end - 1);
            byte* in0 = origin + ((long)row * rowBytes), in1 = origin + ((long)row1 * rowBytes);
            byte* in2 = origin + ((long)row2 * rowBytes), in3 = origin + ((long)row3 * rowBytes);
            byte* out0 = work.Picture(row), out1 = work.Picture(row1), out2 = work.Picture(row2), out3 = work.Picture(row3);
            for (int x = 0; x < geometry.Horizontal.Output; x++)
            {
                TVector high0 = TTaps.Zero, high1 = TTaps.Zero, high2 = TTaps.Zero, high3 = TTaps.Zero;
                TVector low0 = TTaps.Zero, low1 = TTaps.Zero, low2 = TTaps.Zero, low3 = TTaps.Zero;
                short* high = table.High(x), low = table.Low(x);
                int taps = table.Count[x];
                nint offset = table.First[x] * 3;
                for (nint tap = 0; tap < taps; tap += TTaps.Width / 2, offset += TTaps.Width / 2 * 3)
                {
                    TVector highWeights = TTaps.LoadWeightPairs(high + tap);
                    TVector lowWeights = TTaps.LoadWeightPairs(low + tap);
                    TVector pixels = TTaps.LoadPixelPairs(in0 + offset);
                    high0 = TTaps.MultiplyAddPairs(high0, pixels, highWeights);
                    low0 = TTaps.MultiplyAddPairs(low0, pixels, lowWeights);
                    pixels = TTaps.LoadPixelPairs(in1 + offset);
                    high1 = TTaps.MultiplyAddPairs(high1, pixels, highWeights);
                    low1 = TTaps.MultiplyAddPairs(low1, pixels, lowWeights);
                    pixels = TTaps.LoadPixelPairs(in2 + offset);
                    high2 = TTaps.MultiplyAddPairs(high2, pixels, highWeights);
                    low2 = TTaps.MultiplyAddPairs(low2, pixels, lowWeights);
                    pixels = TTaps.LoadPixelPairs(in3 + offset);
                    high3 = TTaps.MultiplyAddPairs(high3, pixels, highWeights);
                    low3 = TTaps.MultiplyAddPairs(low3, pixels, lowWeights);
                }
                Vector128<int> constant = background * (table.Margin[x] + table.Pad[x]) + Vector128.Create(Half);
                Vector128<byte> bytes = TapLanes128.Clip8(
                    (TTaps.FoldGroups(high0, low0) + constant) >> BicubicWindow.FractionBits,
                    (TTaps.FoldGroups(high1, low1) + constant) >> BicubicWindow.FractionBits,
                    (TTaps.FoldGroups(high2, low2) + constant) >> BicubicWindow.FractionBits,
                    (TTaps.FoldGroups(high3, low3) + constant) >> BicubicWindow.FractionBits);
                *(uint*)(out0 + x * 3) = bytes.AsUInt32().GetElement(0);
                *(uint*)(out1 + x * 3) = bytes.AsUInt32().GetElement(1);
                *(uint*)(out2 + x * 3) = bytes.AsUInt32().GetElement(2);
                *(uint*)(out3 + x * 3) = bytes.AsUInt32().GetElement(3);
            }
        }
    }

    private static void HorizontalRow(in ResampleAxis columns, in TapTable table, byte* row, byte* output)
    {
        for (int x = 0; x < columns.Output; x++)
        {
            int taps = Math.Min(table.Count[x], columns.Picture - table.First[x]);
            for (int c = 0; c < 3; c++)
            {
                int sum = Half + Background[c] * (table.Margin[x] + table.Pad[x]);
                for (int tap = 0; tap < taps; tap++)
                    sum += row[(table.First[x] + tap) * 3 + c] * table.Weight(x, tap);
                output[x * 3 + c] = Clip8(sum);
            }
        }
    }

    private static void Vertical<TVector, TTaps>(in ResampleGeometry geometry, byte* workspace, byte* rgb, int first, int end)
        where TVector : struct
        where TTaps : struct, ITapLanes<TVector>
    {
        var table = new TapTable(geometry.Vertical, new TapTable(geometry.Horizontal, workspace).End);
        var work = new Rows(geometry, workspace);
        int rowBytes = geometry.Horizontal.Output * 3;
        byte* tail = stackalloc byte[TTaps.Width];
        for (int y = first; y < end; y++)
        {
            byte* output = rgb + ((long)y * rowBytes);
            uint* high = (uint*)table.High(y);
            uint* low = (uint*)table.Low(y);
            int pairs = table.Count[y] / 2;
            nint stride = work.RowBytes;
            byte* source = work.Picture(table.First[y]);
            bool constant = (table.Margin[y] | table.Outside[y] | table.Pad[y]) != 0;
            for (int i = 0; i < rowBytes; i += TTaps.Width)
            {
                TVector highSum = TTaps.Zero, lowSum = TTaps.Zero;
                if (constant)
                {
                    TVector pixels = TTaps.LoadColumnPairs(work.Margin + i, work.Outside + i);
                    highSum = TTaps.MultiplyAddPairs(highSum, pixels, TTaps.Broadcast(HighPair(table.Margin[y], table.Outside[y])));
                    lowSum = TTaps.MultiplyAddPairs(lowSum, pixels, TTaps.Broadcast(LowPair(table.Margin[y], table.Outside[y])));
                    pixels = TTaps.LoadColumnPairs(work.Pad + i, work.Pad + i);
                    highSum = TTaps.MultiplyAddPairs(highSum, pixels, TTaps.Broadcast(HighPair(table.Pad[y], 0)));
                    lowSum = TTaps.MultiplyAddPairs(lowSum, pixels, TTaps.Broadcast(LowPair(table.Pad[y], 0)));
                }
                byte* at = source + i;
                for (int pair = 0; pair < pairs; pair++, at += 2 * stride)
                {
                    TVector pixels = TTaps.LoadColumnPairs(at, at + stride);
                    highSum = TTaps.MultiplyAddPairs(highSum, pixels, TTaps.Broadcast(high[pair]));
                    lowSum = TTaps.MultiplyAddPairs(lowSum, pixels, TTaps.Broadcast(low[pair]));
                }
                if (i + TTaps.Width <= rowBytes)
                {
                    TTaps.StoreClip8(highSum, lowSum, output + i);
                }
                else
                {
                    TTaps.StoreClip8(highSum, lowSum, tail);
                    Unsafe.CopyBlockUnaligned(output + i, tail, (uint)(rowBytes - i));
                }
            }
        }
    }

    private static uint HighPair(int first, int second) =>
        (ushort)(first >> BicubicWindow.LowBits) | ((uint)(second >> BicubicWindow.LowBits) << 16);

    private static uint LowPair(int first, int second)
    {
        const uint Mask = (1u << BicubicWindow.LowBits) - 1;
        return ((uint)first & Mask) | (((uint)second & Mask) << 16);
    }

    /// <summary>The 8-bit rows between the passes: three constant ones, the filtered rows of the picture, one spare.</summary>
    private readonly struct Rows
    {
        private readonly byte* _start;

        public Rows(in ResampleGeometry geometry, byte* workspace)
        {
            _start = workspace + TapTable.Bytes(geometry.Horizontal) + TapTable.Bytes(geometry.Vertical);
            RowBytes = CropResize.RowBytes(geometry);
        }

        public int RowBytes { get; }

        public byte* Margin => _start;

        public byte* Outside => _start + RowBytes;

        public byte* Pad => _start + 2 * RowBytes;

        public byte* Picture(int row) => _start + ((row + 3L) * RowBytes);
    }
}
