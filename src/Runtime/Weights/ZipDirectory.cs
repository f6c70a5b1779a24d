using System.Text;
using static System.Buffers.Binary.BinaryPrimitives;

namespace ChainOfSpot.Runtime.Weights;

/// <summary>
/// Where the files of a zip archive lie, for archives that store them uncompressed, so that they can be used in place. Sizes come
/// from the central directory (writers that stream leave them out of the local headers). Source: PKWARE APPNOTE 6.3.10, sections
/// 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 to 4.3.16 (its end, with zip64), 4.5.3 (zip64 sizes).
/// </summary>
internal sealed class ZipDirectory
{
    private const uint LocalSignature = 0x04034b50;
    private const uint CentralSignature = 0x02014b50;
    private const uint EndSignature = 0x06054b50;
    private const uint End64Signature = 0x06064b50;
    private const uint End64LocatorSignature = 0x07064b50;
    private const int LocalBytes = 30;
    private const int CentralBytes = 46;
    private const int EndBytes = 22;
    private const int End64Bytes = 56;
    private const int End64LocatorBytes = 20;
    private const int MaxCommentBytes = ushort.MaxValue;
    private const int MaxDirectoryBytes = 64 << 20;
    private const int Zip64Extra = 1;
    private const int Encrypted = 1;

    private readonly MappedFile _file;
    private readonly long _start;
    private readonly Dictionary<string, Entry> _entries = [];

    /// <summary>Reads the directory.</summary>
    /// <exception cref="WeightFileException">The file is no zip archive, or a damaged one.</exception>
    public ZipDirectory(MappedFile file)
    {
        _file = file;
        long end = FindEnd();
        ReadOnlySpan<byte> record = file.Bytes(end, EndBytes, "the end of the zip directory");
        long count = ReadUInt16LittleEndian(record[10..]);
        long bytes = ReadUInt32LittleEndian(record[12..]);
        _start = ReadUInt32LittleEndian(record[16..]);

        if (end >= End64LocatorBytes)
        {
            ReadOnlySpan<byte> locator = file.Bytes(end - End64LocatorBytes, End64LocatorBytes, "the zip64 locator");
            if (ReadUInt32LittleEndian(locator) == End64LocatorSignature)
            {
                end = ReadInt64LittleEndian(locator[8..]);
                record = file.Bytes(end, End64Bytes, "the zip64 end of the zip directory");
                if (ReadUInt32LittleEndian(record) != End64Signature)
                    throw Damaged("its zip64 end record is not where it says");
                count = ReadInt64LittleEndian(record[32..]);
                bytes = ReadInt64LittleEndian(record[40..]);
                _start = ReadInt64LittleEndian(record[48..]);
            }
        }
        if (bytes is < 0 or > MaxDirectoryBytes || _start < 0 || _start > end - bytes)
            throw Damaged($"its directory of {bytes} bytes at byte {_start} is too large or not before its end record at {end}");

        ReadOnlySpan<byte> directory = file.Bytes(_start, bytes, "the zip directory");
        while (!directory.IsEmpty)
            directory = directory[ReadEntry(directory)..];
        if (_entries.Count != count)
            throw Damaged($"its directory has {_entries.Count} entries, its end record says {count}");
    }

    /// <summary>The names of the files inside.</summary>
    public IEnumerable<string> Names => _entries.Keys;

    /// <summary>Finds a file of the archive.</summary>
    /// <param name="name">Its full name.</param>
    /// <param name="offset">Its first byte, from the start of the archive.</param>
    /// <param name="length">Its size.</param>
    /// <returns>False where there is none.</returns>
    /// <exception cref="WeightFileException">It is compressed, encrypted or not where the directory says.</exception>
    public bool TryLocate(string name, out long offset, out long length)
    {
        offset = length = 0;
        if (!_entries.TryGetValue(name, out Entry entry))
            return false;
        if (!entry.IsStored)
            throw new WeightFileException(_file.Path, $"holds '{name}' compressed or encrypted; stored as it is was expected");
        ReadOnlySpan<byte> local = _file.Bytes(entry.LocalHeader, LocalBytes, $"the zip header of '{name}'");
        if (ReadUInt32LittleEndian(local) != LocalSignature)
            throw Damaged($"there is no header for '{name}' at byte {entry.LocalHeader}");
        offset = entry.LocalHeader + LocalBytes + ReadUInt16LittleEndian(local[26..]) + ReadUInt16LittleEndian(local[28..]);
        length = entry.Length;
        if (offset > _start - length)
            throw Damaged($"'{name}' of {length} bytes at byte {offset} reaches into its directory at {_start}");
        return true;
    }

    private long FindEnd()
    {
        long tailStart = Math.Max(0, _file.Length - EndBytes - MaxCommentBytes);
        ReadOnlySpan<byte> tail = _file.Bytes(tailStart, _file.Length - tailStart, "the end of the archive");
        for (int at = tail.Length - EndBytes; at >= 0; at--)
        {
            if (ReadUInt32LittleEndian(tail[at..]) == EndSignature
                && at + EndBytes + ReadUInt16LittleEndian(tail[(at + 20)..]) == tail.Length)
            {
                return tailStart + at;
            }
        }
        throw new WeightFileException(_file.Path, "is no complete zip archive: it has no end record; is it truncated?");
    }

    /// <returns>The bytes that the entry takes in the directory.</returns>
    private int ReadEntry(ReadOnlySpan<byte> record)
    {
        if (record.Length < CentralBytes || ReadUInt32LittleEndian(record) != CentralSignature)
            throw Damaged($"its directory is broken at entry {_entries.Count}");
        int flags = ReadUInt16LittleEndian(record[8..]);
        int method = ReadUInt16LittleEndian(record[10..]);
        long packed = ReadUInt32LittleEndian(record[20..]);
        long length = ReadUInt32LittleEndian(record[24..]);
        int nameBytes = ReadUInt16LittleEndian(record[28..]);
        int extraBytes = ReadUInt16LittleEndian(record[30..]);
        int total = CentralBytes + nameBytes + extraBytes + ReadUInt16LittleEndian(record[32..]);
        long header = ReadUInt32LittleEndian(record[42..]);
        if (total > record.Length)
            throw Damaged($"its directory is cut at entry {_entries.Count}");

        string name = Encoding.UTF8.GetString(record.Slice(CentralBytes, nameBytes));
        ReadOnlySpan<byte> extra = record.Slice(CentralBytes + nameBytes, extraBytes);
        while (extra.Length >= 4)
        {
            int fieldBytes = ReadUInt16LittleEndian(extra[2..]);
            if (fieldBytes > extra.Length - 4)
                break;
            if (ReadUInt16LittleEndian(extra) == Zip64Extra)
            {
                // Only the values that did not fit their 32 bits are here, in this order.
                ReadOnlySpan<byte> wide = extra.Slice(4, fieldBytes);
                Widen(ref length, ref wide, name);
                Widen(ref packed, ref wide, name);
                Widen(ref header, ref wide, name);
                break;
            }
            extra = extra[(4 + fieldBytes)..];
        }
        if (length < 0 || header < 0)
            throw Damaged($"'{name}' has a size or place above 2^63");
        bool stored = method == 0 && packed == length && (flags & Encrypted) == 0;
        if (!_entries.TryAdd(name, new Entry(header, length, stored)))
            throw Damaged($"'{name}' is there twice");
        return total;
    }

    private void Widen(ref long value, ref ReadOnlySpan<byte> wide, string name)
    {
        if (value != uint.MaxValue)
            return;
        if (wide.Length < sizeof(long))
            throw Damaged($"the zip64 sizes of '{name}' are cut");
        value = ReadInt64LittleEndian(wide);
        wide = wide[sizeof(long)..];
    }

    private WeightFileException Damaged(string problem) => new(_file.Path, $"is a damaged zip archive: {problem}");

    private readonly record struct Entry(long LocalHeader, long Length, bool IsStored);
}
