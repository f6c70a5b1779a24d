using ChainOfSpot.Kernels.Gpu;
using ILGPU;

namespace ChainOfSpot.Kernels;

/// <summary>The operands of <see cref="CropResize.Gpu"/>.</summary>
public readonly struct CropResizeGpuArguments
{
    /// <summary>[picture height][picture width][3].</summary>
    public ArrayView<byte> Picture { get; init; }

    /// <summary>The taps of the columns, then those of the rows: <see cref="CropResize.FillTaps"/>.</summary>
    public ArrayView<byte> Taps { get; init; }

    /// <summary>[3][256] from <see cref="CropResize.NormalizedLevels"/>.</summary>
    public ArrayView<float> Levels { get; init; }

    /// <summary>[output height][output width][3].</summary>
    public ArrayView<byte> Rgb { get; init; }

    /// <summary>[3][output height][output width].</summary>
    public ArrayView<float> Planes { get; init; }

    /// <summary>Columns of the picture.</summary>
    public int PictureWidth { get; init; }

    /// <summary>Columns of the output.</summary>
    public int Width { get; init; }

    /// <summary>Rows of the output.</summary>
    public int Height { get; init; }

    /// <summary>Room for weights that an output column has in <see cref="Taps"/>.</summary>
    public int ColumnStride { get; init; }

    /// <summary>Room for weights that an output row has.</summary>
    public int RowStride { get; init; }

    /// <summary>Where the taps of the rows begin in <see cref="Taps"/>.</summary>
    public long RowTaps { get; init; }
}

/// <content>
/// The GPU form: both passes, the constant parts and the normalising in one kernel. A group makes 16 x 16 outputs; it filters
/// the rows of the picture that they read 16 at a time into shared memory, as 8-bit values like the other forms, and every
/// thread adds those of its window to its own output. The sums are integers, so the order is free.
/// </content>
public static unsafe partial class CropResize
{
    /// <summary>Output columns, and output rows, of a group of <see cref="Gpu"/>.</summary>
    public const int GpuSide = 16;

    private const int GpuThreads = GpuSide * GpuSide;

    /// <summary>Bytes of the taps of both axes, and of a number behind them: a view of no weights has to begin inside.</summary>
    public static long TapBytes(in ResampleGeometry geometry) =>
        TapTable.Bytes(geometry.Horizontal) + TapTable.Bytes(geometry.Vertical) + sizeof(int);

    /// <summary>Room for weights that an output of an axis has in its taps.</summary>
    public static int TapStride(in ResampleAxis axis) => TapTable.Stride(axis);

    /// <summary>Fills the taps of both axes, on the host: they take double precision.</summary>
    /// <param name="geometry">What is read and written.</param>
    /// <param name="taps">[<see cref="TapBytes"/>].</param>
    /// <returns>Where the taps of the rows begin.</returns>
    public static long FillTaps(in ResampleGeometry geometry, byte* taps)
    {
        var columns = new TapTable(geometry.Horizontal, taps);
        columns.Fill(geometry.Horizontal, 0, 1);
        new TapTable(geometry.Vertical, columns.End).Fill(geometry.Vertical, 0, 1);
        return columns.End - taps;
    }

    /// <summary>A thread an output; grid (columns / 16, rows / 16).</summary>
    [GpuKernel(GpuThreads)]
    public static void Gpu(CropResizeGpuArguments arguments)
    {
        ArrayView<int> filtered = SharedMemory.Allocate<int>(GpuSide * GpuSide);
        int tx = Group.IdxX % GpuSide;
        int ty = Group.IdxX / GpuSide;
        int firstY = Grid.IdxY * GpuSide;
        int lastY = IntrinsicMath.Min(firstY + GpuSide, arguments.Height) - 1;
        // Threads beyond the edge work for the last column or row again, and write nothing.
        int x = IntrinsicMath.Min((Grid.IdxX * GpuSide) + tx, arguments.Width - 1);
        int y = IntrinsicMath.Min(firstY + ty, lastY);
        var columns = new GpuTaps(arguments.Taps, arguments.Width, arguments.ColumnStride);
        var rows = new GpuTaps(arguments.Taps.SubView(arguments.RowTaps), arguments.Height, arguments.RowStride);

        int firstRow = int.MaxValue;
        int endRow = 0;
        for (int i = firstY; i <= lastY; i++)
        {
            if (rows.Count(i) > 0)
            {
                firstRow = IntrinsicMath.Min(firstRow, rows.First(i));
                endRow = IntrinsicMath.Max(endRow, rows.First(i) + rows.Count(i));
            }
        }
        int red = Half;
        int green = Half;
        int blue = Half;
        for (int row = firstRow; row < endRow; row += GpuSide)
        {
            filtered[Group.IdxX] = GpuFilterRow(arguments, columns, x, IntrinsicMath.Min(row + ty, endRow - 1));
            Group.Barrier();
            int from = IntrinsicMath.Max(row, rows.First(y));
            int to = IntrinsicMath.Min(IntrinsicMath.Min(row + GpuSide, endRow), rows.First(y) + rows.Count(y));
            for (int i = from; i < to; i++)
            {
                int rgb = filtered[((i - row) * GpuSide) + tx];
                int weight = rows.Weight(y, i - rows.First(y));
                red += (rgb & 255) * weight;
                green += ((rgb >> 8) & 255) * weight;
                blue += (rgb >> 16) * weight;
            }
            Group.Barrier();
        }
        if ((Grid.IdxX * GpuSide) + tx >= arguments.Width || firstY + ty > lastY)
            return;
        GpuWrite(arguments, x, y, 0, red + GpuConstant(columns, rows, x, y, 122));
        GpuWrite(arguments, x, y, 1, green + GpuConstant(columns, rows, x, y, 116));
        GpuWrite(arguments, x, y, 2, blue + GpuConstant(columns, rows, x, y, 104));
    }

    /// <summary>The horizontal pass: column <paramref name="x"/> of a row of the picture, three bytes in one number.</summary>
    private static int GpuFilterRow(CropResizeGpuArguments arguments, GpuTaps columns, int x, int row)
    {
        long first = (((long)row * arguments.PictureWidth) + columns.First(x)) * 3;
        int constant = columns.Margin(x) + columns.Pad(x);
        int red = Half + (122 * constant);
        int green = Half + (116 * constant);
        int blue = Half + (104 * constant);
        for (int tap = 0; tap < columns.Count(x); tap++)
        {
            int weight = columns.Weight(x, tap);
            red += arguments.Picture[first + (3 * tap)] * weight;
            green += arguments.Picture[first + (3 * tap) + 1] * weight;
            blue += arguments.Picture[first + (3 * tap) + 2] * weight;
        }
        return GpuClip8(red) | (GpuClip8(green) << 8) | (GpuClip8(blue) << 16);
    }

    /// <summary>What the rows of margin, outside and pad add to an output: after the horizontal pass they are constants of its column.</summary>
    private static int GpuConstant(GpuTaps columns, GpuTaps rows, int x, int y, int background)
    {
        int picture = 0;
        for (int tap = 0; tap < columns.Count(x); tap++)
            picture += columns.Weight(x, tap);
        int margin = GpuClip8(Half + (background * (columns.Margin(x) + columns.Outside(x) + columns.Pad(x) + picture)));
        int outside = GpuClip8(Half + (background * columns.Margin(x)));
        int pad = GpuClip8(Half + (background * (columns.Margin(x) + columns.Pad(x) + picture)));
        return (margin * rows.Margin(y)) + (outside * rows.Outside(y)) + (pad * rows.Pad(y));
    }

    private static void GpuWrite(CropResizeGpuArguments arguments, int x, int y, int channel, int sum)
    {
        int value = GpuClip8(sum);
        int pixel = (y * arguments.Width) + x;
        arguments.Rgb[(3L * pixel) + channel] = (byte)value;
        arguments.Planes[((long)channel * arguments.Width * arguments.Height) + pixel] = arguments.Levels[(256 * channel) + value];
    }

    private static int GpuClip8(int sum) => IntrinsicMath.Clamp(sum >> BicubicWindow.FractionBits, 0, 255);

    /// <summary>The <see cref="TapTable"/> of one axis in a GPU's memory.</summary>
    private readonly struct GpuTaps(ArrayView<byte> table, int outputs, int stride)
    {
        private readonly ArrayView<int> _numbers = table.Cast<int>();
        private readonly ArrayView<short> _weights = table.SubView(5L * sizeof(int) * outputs).Cast<short>();

        public int First(int output) => _numbers[output];

        public int Count(int output) => _numbers[outputs + output];

        public int Margin(int output) => _numbers[(2 * outputs) + output];

        public int Outside(int output) => _numbers[(3 * outputs) + output];

        public int Pad(int output) => _numbers[(4 * outputs) + output];

        public int Weight(int output, int tap)
        {
            long high = (2L * output * stride) + tap;
            return (_weights[high] << BicubicWindow.LowBits) + _weights[high + stride];
        }
    }
}
