using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace ChainOfSpot.Tests;

/// <summary>PNG files of random samples, written without the codec under test.</summary>
internal static class PngFixture
{
    // The body of an iCCP chunk: a profile of gamma 1 whose red and blue primaries are swapped.
    private const string Profile =
        "dGVzdAAAeNpjYGA8wgAETAIMDLl5JUVB7k4KEZFRCgxIIDG5uIABL/h2jYERRF/WZSAdcKSkFicD6SdAnFBeUlDCwMDoAmSLFAEdAmRHgNjpEHYOiJ0EYTeA1YQE"
        + "OQPZU4BsgXQIewmInQRhbwGxoeaDAGtJanEJA5UBIrwQ4YAQU1nEwMDfzMCw7TxCLGkaA8P2dgYGiTsIsfx5DAwW3xgYmPuTS4vKoEYzgowjxAcAZn4zMQ==";

    /// <summary>A file of color type 0 (gray), 2 (RGB), 4 (gray and alpha) or 6 (RGB and alpha), and the RGB bytes it stands for.</summary>
    /// <param name="width">Columns.</param>
    /// <param name="height">Rows.</param>
    /// <param name="depth">8 or 16 bits a sample.</param>
    /// <param name="colorType">As in the header.</param>
    /// <param name="chunk">"gamma" or "profile" adds a chunk that asks for a conversion.</param>
    public static (byte[] Png, byte[] Rgb) Random(int width, int height, int depth, int colorType, string chunk)
    {
        var random = new Random(depth + colorType);
        int channels = colorType switch { 0 => 1, 2 => 3, 4 => 2, _ => 4 };
        var rows = new List<byte>();
        var rgb = new List<byte>();
        for (int pixel = 0; pixel < width * height; pixel++)
        {
            if (pixel % width == 0)
                rows.Add(0);
            byte[] samples = new byte[channels];
            random.NextBytes(samples);
            if (colorType >= 4)
                samples[^1] = (byte)(pixel % 4 * 85);
            foreach (byte sample in samples)
            {
                rows.Add(sample);
                if (depth == 16)
                    rows.Add((byte)random.Next(256));
            }
            rgb.AddRange(colorType is 0 or 4 ? [samples[0], samples[0], samples[0]] : samples[..3]);
        }
        using var png = new MemoryStream();
        png.Write([0x89, .. "PNG\r\n\x1a\n"u8]);
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = (byte)depth;
        header[9] = (byte)colorType;
        WriteChunk(png, "IHDR", header);
        if (chunk == "gamma")
        {
            WriteChunk(png, "gAMA", BigEndian(100000));
            WriteChunk(png, "cHRM", BigEndian(31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000));
        }
        if (chunk == "profile")
            WriteChunk(png, "iCCP", Convert.FromBase64String(Profile));
        using var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            zlib.Write([.. rows]);
        WriteChunk(png, "IDAT", packed.ToArray());
        WriteChunk(png, "IEND", []);
        return (png.ToArray(), [.. rgb]);
    }

    /// <summary>Makes the checksum right again after the header was changed.</summary>
    public static void RepairHeader(byte[] png) => BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), Crc(png.AsSpan(12, 17)));

    private static byte[] BigEndian(params int[] values)
    {
        byte[] bytes = new byte[values.Length * 4];
        for (int i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(i * 4), values[i]);
        return bytes;
    }

    private static void WriteChunk(MemoryStream png, string type, byte[] content)
    {
        byte[] typed = [.. Encoding.ASCII.GetBytes(type), .. content];
        png.Write(BigEndian(content.Length));
        png.Write(typed);
        png.Write(BigEndian((int)Crc(typed)));
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
        }
        return ~crc;
    }
}
