using System.Buffers.Binary;

namespace ChainOfSpot.Images;

/// <summary>The marker structure of a JPEG file (ITU-T T.81, annex B).</summary>
internal static class JpegMarkers
{
    private const byte EndOfImage = 0xD9;
    private const byte StartOfScan = 0xDA;

    /// <summary>
    /// Whether the file spreads its pixels over several scans and stops before its end marker: a decoder then shows the scans
    /// that are there, a blurred picture, as if nothing was wrong.
    /// </summary>
    public static bool LacksScans(ReadOnlySpan<byte> jpeg)
    {
        bool severalScans = false;
        int components = 0;
        for (int at = 2; ;)
        {
            int found = jpeg[at..].IndexOf((byte)0xFF);
            if (found < 0)
                return severalScans;
            at += found + 1;
            byte marker = at < jpeg.Length ? jpeg[at] : (byte)0;
            // A stuffed byte of entropy-coded data, a fill byte, a restart marker: no segment follows.
            if (marker is 0 or 1 or 0xFF or (>= 0xD0 and <= 0xD8))
                continue;
            if (marker == EndOfImage)
                return false;
            if (at + 9 >= jpeg.Length)
                return severalScans;
            if (marker is >= 0xC0 and <= 0xCF and not 0xC4 and not 0xC8 and not 0xCC)
            {
                components = jpeg[at + 8];
                severalScans = (marker & 3) == 2;
            }
            if (marker == StartOfScan)
                severalScans |= jpeg[at + 3] < components;
            at = Math.Min(at + 1 + BinaryPrimitives.ReadUInt16BigEndian(jpeg[(at + 1)..]), jpeg.Length);
        }
    }
}
