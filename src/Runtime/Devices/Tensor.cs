using ChainOfSpot.Kernels;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>A matrix in a device's memory: <see cref="Rows"/> x <see cref="Columns"/>, row-major without gaps.</summary>
public abstract class Tensor : IDisposable
{
    private protected Tensor(ElementType type, int rows, int columns)
    {
        Type = type;
        Rows = rows;
        Columns = columns;
    }

    /// <summary>How its elements are stored.</summary>
    public ElementType Type { get; }

    /// <summary>The number of rows.</summary>
    public int Rows { get; }

    /// <summary>Elements in a row.</summary>
    public int Columns { get; }

    /// <summary>Its size.</summary>
    public long ByteLength => checked((long)Rows * Columns * Type.Size());

    /// <summary>The first <paramref name="rows"/> rows.</summary>
    public TensorView First(int rows) => new(this, 0, rows);

    /// <summary>Rows [<paramref name="row"/>, <paramref name="row"/> + <paramref name="rows"/>).</summary>
    public TensorView Slice(int row, int rows) => new(this, row, rows);

    /// <summary>Gives the memory back.</summary>
    public abstract void Dispose();
}

/// <summary>Some rows of a tensor.</summary>
public readonly struct TensorView
{
    /// <summary>Rows [<paramref name="row"/>, <paramref name="row"/> + <paramref name="rows"/>) of <paramref name="tensor"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The rows are not all there.</exception>
    public TensorView(Tensor tensor, int row, int rows)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, tensor.Rows - row);
        Tensor = tensor;
        Row = row;
        Rows = rows;
    }

    /// <summary>The tensor.</summary>
    public Tensor Tensor { get; }

    /// <summary>The first row.</summary>
    public int Row { get; }

    /// <summary>The number of rows.</summary>
    public int Rows { get; }

    /// <summary>Elements in a row.</summary>
    public int Columns => Tensor.Columns;

    /// <summary>All rows of a tensor.</summary>
    public static implicit operator TensorView(Tensor tensor) => new(tensor, 0, tensor.Rows);

    /// <summary>All rows of <paramref name="tensor"/>.</summary>
    public static TensorView FromTensor(Tensor tensor) => tensor;

    /// <summary>Rows [<paramref name="row"/>, <paramref name="row"/> + <paramref name="rows"/>) of this view.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The rows are not all there.</exception>
    public TensorView Slice(int row, int rows)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rows, Rows - row);
        return new(Tensor, Row + row, rows);
    }
}
