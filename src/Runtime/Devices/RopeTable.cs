namespace ChainOfSpot.Runtime.Devices;

/// <summary>Cosines and sines of rotary position embedding, each fp32 [positions, head_dim / 2], in device memory.</summary>
/// <param name="Cosines">cos(position * theta^(-2i / head_dim)).</param>
/// <param name="Sines">sin of the same angles.</param>
public sealed record RopeTable(Tensor Cosines, Tensor Sines) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        Cosines.Dispose();
        Sines.Dispose();
    }
}
