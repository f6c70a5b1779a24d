namespace ChainOfSpot.Kernels;

/// <summary>The int8 dot product in intrinsics, for one register width and one range of weights.</summary>
/// <typeparam name="TVector">A vector of <see cref="Bytes"/> bytes.</typeparam>
internal unsafe interface IInt8Dots<TVector>
    where TVector : struct
{
    /// <summary>Bytes of a vector.</summary>
    static abstract int Bytes { get; }

    /// <summary>What <see cref="Load"/> subtracts from the weights, so that products are of signed ones: 0 or 128.</summary>
    static abstract int Subtracted { get; }

    /// <summary>Reads four weights of each of Bytes / 4 columns.</summary>
    static abstract TVector Load(byte* weights);

    /// <summary>Four activations, for all columns.</summary>
    static abstract TVector Broadcast(sbyte* activations);

    /// <summary>Adds the products of four weights, as they were loaded, and four activations of each column to sums that begin at 0.</summary>
    static abstract TVector Dot(TVector sums, TVector weights, TVector activations);

    /// <summary>
    /// total[column] = fma(float(sum + start), scale[column] · <paramref name="scale"/>, total[column]), then, with minima,
    /// fma(-minimum[column], <paramref name="scaledSum"/>, total[column]).
    /// </summary>
    static abstract void AddScaled(TVector sums, int start, float scale, float* scales, float* minima, float scaledSum, float* totals);
}
