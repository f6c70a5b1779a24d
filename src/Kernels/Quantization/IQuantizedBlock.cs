namespace ChainOfSpot.Kernels.Quantization;

/// <summary>One block of a ggml block format, byte for byte as files hold it (little-endian, no padding).</summary>
/// <typeparam name="TSelf">The block itself.</typeparam>
public unsafe interface IQuantizedBlock<TSelf>
    where TSelf : unmanaged, IQuantizedBlock<TSelf>
{
    /// <summary>Weights in a block.</summary>
    static abstract int WeightCount { get; }

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
