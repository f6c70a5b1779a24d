using ChainOfSpot.Kernels;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>
/// What an operation cannot do without: its floating-point operations, and the bytes of its operands, each read or written once.
/// A multiply-add is two operations, every other function of one number, exponentials too, one. What a kernel moves beyond that
/// (packing, a second reading) is its own affair and shows as a smaller share of the roof.
/// </summary>
/// <param name="Operations">All operations: of numbers in fp32, bf16 or int8; of a resize, integer operations.</param>
/// <param name="Bytes">Bytes read and written.</param>
public readonly record struct OperationCost(double Operations, double Bytes)
{
    /// <summary>Those of the operations that are dot products of bf16.</summary>
    public double BFloat16Operations { get; init; }

    /// <summary>Those of the operations that are dot products of int8.</summary>
    public double Int8Operations { get; init; }

    /// <summary>Operations a byte; 0 where nothing is moved.</summary>
    public double Intensity => Bytes > 0 ? Operations / Bytes : 0;

    /// <summary>The cost of both.</summary>
    public static OperationCost operator +(OperationCost left, OperationCost right) => Add(left, right);

    /// <summary>The cost of both.</summary>
    public static OperationCost Add(OperationCost left, OperationCost right) =>
        new(left.Operations + right.Operations, left.Bytes + right.Bytes)
        {
            BFloat16Operations = left.BFloat16Operations + right.BFloat16Operations,
            Int8Operations = left.Int8Operations + right.Int8Operations,
        };

    /// <summary>The same with its operations done in such dot products.</summary>
    public OperationCost In(DotProducts products) => products switch
    {
        DotProducts.BFloat16 => this with { BFloat16Operations = Operations },
        DotProducts.Bytes => this with { Int8Operations = Operations },
        _ => this,
    };

    /// <summary>Bytes of all elements of a view.</summary>
    public static double BytesOf(TensorView view) => view.Tensor.Type.RowBytes(view.Columns) * (double)view.Rows;

    /// <summary>Moves a view and nothing else.</summary>
    public static OperationCost Move(TensorView view) => new(0, BytesOf(view));

    /// <summary>output = activation(x weightᵀ + bias) + residual: 2 M N K.</summary>
    public static OperationCost MatMul(TensorView x, Weight weight, Tensor? bias, TensorView? residual)
    {
        ArgumentNullException.ThrowIfNull(weight);
        double outputs = (double)x.Rows * weight.Rows;
        double added = (bias is null ? 0 : weight.Rows) + (residual is null ? 0 : outputs);
        return new(2 * outputs * x.Columns, weight.ByteLength + BytesOf(x) + (sizeof(float) * (outputs + added)));
    }

    /// <summary>Some outputs of output = x weightᵀ: 2 M N K, of the weights only their rows.</summary>
    public static OperationCost MatMulRows(TensorView x, Weight weight, TensorView rows)
    {
        ArgumentNullException.ThrowIfNull(weight);
        double outputs = (double)x.Rows * rows.Rows;
        double read = (double)weight.ByteLength / weight.Rows * rows.Rows;
        return new(2 * outputs * x.Columns, read + BytesOf(x) + (sizeof(float) * outputs));
    }

    /// <summary>A pass over rows: so many operations an input element, and everything moved once.</summary>
    public static OperationCost RowWise(TensorView x, TensorView output, int operationsPerElement) =>
        new((double)x.Rows * x.Columns * operationsPerElement, BytesOf(x) + BytesOf(output));

    /// <summary>Rotation of queries and keys, three operations an element, and the appended keys and values.</summary>
    public static OperationCost RopeAppend(TensorView qkv, KvShape shape)
    {
        double keys = (double)qkv.Rows * shape.KvHeads * shape.HeadDim;
        double all = (double)qkv.Rows * qkv.Columns;
        double tables = (double)qkv.Rows * shape.HeadDim;
        double cached = 2.0 * qkv.Rows * shape.KvHeads * shape.HeadBytes;
        return new(3 * (all - keys), (sizeof(float) * (all + (all - (2 * keys)) + tables)) + cached);
    }

    /// <summary>
    /// Causal attention: 4 operations for each query element and position seen; queries, outputs, and the keys and values of each
    /// sequence once.
    /// </summary>
    /// <param name="positions">The position of each row.</param>
    /// <param name="sequences">The sequence of each row; rows of one sequence are consecutive and ascend.</param>
    /// <param name="output">[rows, heads * head_dim].</param>
    /// <param name="shape">Of the key-value cache.</param>
    public static OperationCost Attention(ReadOnlySpan<int> positions, ReadOnlySpan<int> sequences, TensorView output, KvShape shape)
    {
        double seen = 0;
        double cached = 0;
        for (int row = 0; row < positions.Length; row++)
        {
            seen += positions[row] + 1;
            if (row == positions.Length - 1 || sequences[row + 1] != sequences[row])
                cached += positions[row] + 1;
        }
        return new(4 * seen * output.Columns, (2 * BytesOf(output)) + (2 * cached * shape.KvHeads * shape.HeadBytes));
    }

    /// <summary>Attention of every row over all rows of its picture.</summary>
    public static OperationCost FullAttention(TensorView qkv, int rowsPerPicture, TensorView output) =>
        new(4.0 * qkv.Rows * output.Columns * rowsPerPicture, BytesOf(qkv) + BytesOf(output));

    /// <summary>A separable resize: every tap of the two passes is a multiply-add of three channels.</summary>
    public static OperationCost CropResize(in ResampleGeometry geometry, TensorView resized, TensorView pixels)
    {
        int columns = geometry.Horizontal.Output;
        double taps = ((double)geometry.Rows * columns * geometry.Horizontal.MostTaps)
            + ((double)geometry.Vertical.Output * columns * geometry.Vertical.MostTaps);
        double read = 3.0 * geometry.Rows * (geometry.Horizontal.EndRead - geometry.Horizontal.FirstRead);
        return new(2 * 3 * taps, read + BytesOf(resized) + BytesOf(pixels));
    }

    /// <summary>Reads the first positions of a page, of all layers, and writes them to another.</summary>
    public static OperationCost CopyPage(KvShape shape, int positions) =>
        new(0, 2.0 * 2 * shape.Layers * shape.KvHeads * shape.HeadBytes * positions);
}
