using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.Sessions;

/// <summary>What a region of a picture looks like to the model.</summary>
/// <param name="Features">[patches, width of the language model].</param>
/// <param name="Rgb">The side x side pixels behind it.</param>
internal sealed record EncodedRegion(Tensor Features, byte[] Rgb) : IDisposable
{
    public long ByteLength => Features.ByteLength + Rgb.Length;

    public void Dispose() => Features.Dispose();
}
