using ChainOfSpot.Kernels;
using ChainOfSpot.WeightsTools.Models;

namespace ChainOfSpot.WeightsTools.Output;

/// <summary>Writes the bytes of one row of a tensor; called from several threads at once.</summary>
internal unsafe delegate void RowWriter(long row, byte* destination);

/// <summary>A tensor that is made row by row while its file is written.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Type">How it is stored there.</param>
/// <param name="Shape">Its dimensions, slowest first.</param>
/// <param name="WriteRow">Makes a row; a vector is one row, and all but the first dimension of a larger one are a row together.</param>
internal sealed unsafe record OutputTensor(string Name, ElementType Type, IReadOnlyList<long> Shape, RowWriter WriteRow)
{
    private const int ChunkBytes = 8 << 20;

    /// <summary>Its rows.</summary>
    public long Rows => Shape.Count > 1 ? Shape[0] : 1;

    /// <summary>Bytes of a row.</summary>
    public long RowBytes => Type.RowBytes(Shape.Aggregate(1L, (product, dimension) => product * dimension) / Rows);

    /// <summary>Its size.</summary>
    public long ByteLength => Rows * RowBytes;

    /// <summary>Makes all rows on all cores and writes them in order, 8 MiB at a time.</summary>
    public void WriteTo(Stream stream, IProgress<long>? progress, CancellationToken cancellation)
    {
        int rowBytes = checked((int)RowBytes);
        int chunkRows = (int)Math.Min(Rows, Math.Max(1, ChunkBytes / rowBytes));
        byte[] chunk = GC.AllocateUninitializedArray<byte>(checked(chunkRows * rowBytes), pinned: true);
        var destination = (nint)System.Runtime.CompilerServices.Unsafe.AsPointer(ref chunk[0]);
        var options = new ParallelOptions { CancellationToken = cancellation };
        for (long first = 0; first < Rows; first += chunkRows)
        {
            int rows = (int)Math.Min(chunkRows, Rows - first);
            long start = first;
            try
            {
                Parallel.For(0, rows, options, row => WriteRow(start + row, (byte*)destination + ((long)row * rowBytes)));
            }
            catch (AggregateException error)
            {
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(error.InnerExceptions[0]);
            }
            Write(stream, chunk.AsSpan(0, rows * rowBytes));
            progress?.Report(rows * (long)rowBytes);
        }
        GC.KeepAlive(chunk);
    }

    private static void Write(Stream stream, ReadOnlySpan<byte> bytes)
    {
        try
        {
            stream.Write(bytes);
        }
        catch (ArgumentOutOfRangeException error)
        {
            // So .NET reports EFBIG, as of a file above 4 GB on a FAT disk.
            throw new IOException($"a file has grown to the largest size that its disk or its user may have: {error.Message}", error);
        }
    }
}
