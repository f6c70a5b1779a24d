using ChainOfSpot.Kernels.Lanes;

namespace ChainOfSpot.Kernels;

/// <summary>
/// How a block format lies in memory for the int8 product: panels of <see cref="Int8Tile.Columns"/> weight rows, each a stream of
/// packed blocks in the order of K. A packed block holds the same bits as the rows' own blocks, with the same four weights of
/// sixteen rows side by side, as the dot product reads them.
/// </summary>
internal unsafe interface IPackedFormat : IInt8Quants
{
    /// <summary>Weights of one row in a packed block.</summary>
    static abstract int Length { get; }

    /// <summary>Bytes of a packed block.</summary>
    static abstract int Bytes { get; }

    /// <summary>Where the quants of a packed block begin if the tile can read them as they lie; -1 if <see cref="Unpack"/> has to spread them.</summary>
    static abstract int QuantsInPlace { get; }

    /// <summary>Where everything lies in a packed block, for <see cref="PackedRowCode"/>; null for formats that the tile alone multiplies.</summary>
    static virtual PackedLayout? Layout => null;

    /// <summary>Writes the blocks of one row's <see cref="Length"/> weights to its column of a packed block.</summary>
    static abstract void Pack(byte* source, byte* packed, int column);

    /// <summary>
    /// Reads one packed block: scales (and minima behind those of each 32 weights) [32 weights][group][column], and quants [32 weights][step][column][4].
    /// Asks for the memory <paramref name="ahead"/> bytes on. Where <paramref name="quants"/> is null, only scales are read.
    /// </summary>
    static abstract void Unpack<TVector, TLanes>(byte* packed, byte* quants, float* scales, nint ahead)
        where TVector : struct
        where TLanes : ILanes<TVector>;
}
