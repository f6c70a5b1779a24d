using System.Buffers.Binary;
using System.Security.Cryptography;

namespace ChainOfSpot.Images;

/// <summary>
/// The identity of a picture's pixels: the first 128 bits of the SHA-256 of width, height and the RGB bytes. Equal for equal
/// pixels, whatever the file, its format or its name; a key for what was computed from them.
/// </summary>
/// <param name="Value">The 128 bits, big-endian.</param>
public readonly record struct PixelHash(UInt128 Value)
{
    /// <summary>The hash as 32 hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x32", null);

    internal static PixelHash Of(int width, int height, ReadOnlySpan<byte> rgb)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        BinaryPrimitives.WriteInt32LittleEndian(digest, width);
        BinaryPrimitives.WriteInt32LittleEndian(digest[4..], height);
        hash.AppendData(digest[..8]);
        hash.AppendData(rgb);
        hash.GetHashAndReset(digest);
        return new PixelHash(BinaryPrimitives.ReadUInt128BigEndian(digest));
    }
}
