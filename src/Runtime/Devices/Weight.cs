namespace ChainOfSpot.Runtime.Devices;

/// <summary>
/// The weights of a linear layer [<see cref="Rows"/> outputs, <see cref="Columns"/> inputs] in the layout that the device chose
/// when it loaded them; only that device can read it.
/// </summary>
public abstract class Weight : IDisposable
{
    private protected Weight(int rows, int columns)
    {
        Rows = rows;
        Columns = columns;
    }

    /// <summary>Outputs of the layer.</summary>
    public int Rows { get; }

    /// <summary>Inputs of the layer.</summary>
    public int Columns { get; }

    /// <summary>Bytes that one pass over the weights reads.</summary>
    public abstract long ByteLength { get; }

    /// <summary>Gives back what the device holds beside the checkpoint's own memory.</summary>
    public abstract void Dispose();
}
