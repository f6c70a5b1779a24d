namespace ChainOfSpot.Kernels.Quantization;

/// <summary>One block of a ggml block format, byte for byte as files hold it (little-endian, no padding).</summary>
/// <typeparam name="TSelf">The block itself.</typeparam>
public unsafe interface IQuantizedBlock<TSelf>
    where TSelf : unmanaged, IQuantizedBlock<TSelf>
{
    /// <summary>Weights in a block.</summary>
    static abstract int WeightCount { get; }

    /// <summary>Weights that share a scale: 16, 32 or more.</summary>
    static abstract int GroupSize { get; }

    /// <summary>Whether a group has a minimum beside its scale.</summary>
    static abstract bool HasMinima { get; }

    /// <summary>
    /// The form that SIMD dequantises from: w = scale q, or scale q + minimum where there are minima, each operation rounded once.
    /// </summary>
    /// <param name="block">The block.</param>
    /// <param name="quants">q of every weight.</param>
    /// <param name="scales">The scale of every group.</param>
    /// <param name="minima">The minimum of every group; untouched where there are none.</param>
    static abstract void Unpack(TSelf* block, sbyte* quants, float* scales, float* minima);

    /// <summary>Writes the weights of a block, each operation rounded to binary32 once, in the order of the formula.</summary>
    static abstract void Dequantize(TSelf* block, float* weights);
}

/// <summary>A block format that weights can be turned into.</summary>
/// <typeparam name="TSelf">The block itself.</typeparam>
public unsafe interface IQuantizableBlock<TSelf> : IQuantizedBlock<TSelf>
    where TSelf : unmanaged, IQuantizableBlock<TSelf>
{
    /// <summary>Writes the block that stands for these weights, which must be finite.</summary>
    static abstract void Quantize(float* weights, TSelf* block);
}
