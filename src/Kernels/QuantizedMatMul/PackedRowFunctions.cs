namespace ChainOfSpot.Kernels;

/// <summary>The functions of <see cref="PackedRowCode"/> at their addresses in executable memory, by the type of weights.</summary>
public unsafe struct PackedRowFunctions
{
    private fixed long _addresses[(int)ElementType.IQ4_XS + 1];

    /// <summary>The function for a type; 0 where none was assembled.</summary>
    public nint this[ElementType type]
    {
        readonly get => (nint)_addresses[(int)type];
        set => _addresses[(int)type] = value;
    }

    /// <summary>Multiplies the only row of A by some panels of a segment.</summary>
    /// <param name="function">The function for the segment's type.</param>
    /// <param name="activations">A as <see cref="ActivationBlocks"/>.</param>
    /// <param name="k">K.</param>
    /// <param name="segment">Packed panels.</param>
    /// <param name="panel">The first panel.</param>
    /// <param name="panels">At most <see cref="PackedRowCode.MostPanels"/>.</param>
    /// <param name="sums">Outputs [panel][column].</param>
    internal static void Multiply(nint function, ActivationBlock* activations, int k, WeightSegment* segment, int panel, int panels, float* sums)
    {
        new Span<float>(sums, panels * Int8Tile.Columns).Clear();
        var panelBytes = (nint)PackedPanels.ByteLength(segment->Type, k);
        var arguments = new PackedRowArguments
        {
            A = activations,
            Weights = (byte*)segment->Data + (panel * panelBytes),
            PanelStep = panelBytes,
            Panels = panels,
            Blocks = k / PackedPanels.BlockLength(segment->Type),
            Sums = sums,
        };
        ((delegate* unmanaged[SuppressGCTransition]<PackedRowArguments*, void>)function)(&arguments);
    }
}
