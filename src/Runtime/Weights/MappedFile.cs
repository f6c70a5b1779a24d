using System.IO.MemoryMappedFiles;
using ChainOfSpot.Runtime.Platform;
using Microsoft.Win32.SafeHandles;

namespace ChainOfSpot.Runtime.Weights;

/// <summary>
/// A file mapped read-only into memory: its bytes are read from disk when they are touched and never copied. Shortening the file
/// while it is mapped is outside what a mapping can survive; replacing or deleting it is harmless.
/// </summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private const int PageStep = 4096;

    // The handle is used without taking a reference on it, so that a forgotten mapping still goes with its finalizer;
    // whoever holds an address holds this object.
    private readonly MemoryMappedViewAccessor _view;
    private bool _closed;

    private MappedFile(string path, long length, MemoryMappedViewAccessor view)
    {
        Path = path;
        Length = length;
        _view = view;
    }

    public string Path { get; }

    /// <summary>Its size in bytes when it was opened; at least 1.</summary>
    public long Length { get; }

    /// <summary>The address of its first byte, on a page boundary.</summary>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public nint Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(_closed, this);
            return _view.SafeMemoryMappedViewHandle.DangerousGetHandle();
        }
    }

    /// <exception cref="WeightFileException">It is missing, empty, not readable, or a placeholder for the real file.</exception>
    public static MappedFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        MappedFile? file = null;
        try
        {
            // Asked before it is opened: opening a pipe would wait for its writer. Downloads often are links into a cache.
            if (!File.Exists(path))
                throw new WeightFileException(path, Directory.Exists(path) ? "is a folder; a file was expected" : "does not exist");
            FileInfo link = new(path);
            if (((FileInfo?)link.ResolveLinkTarget(returnFinalTarget: true) ?? link).Length == 0)
                throw new WeightFileException(path, "is empty");

            SafeFileHandle handle = File.OpenHandle(path, share: FileShare.Read | FileShare.Delete);
            long length = RandomAccess.GetLength(handle);
            using MemoryMappedFile mapping = MemoryMappedFile.CreateFromFile(
                handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            file = new MappedFile(path, length, mapping.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read));

            ReadOnlySpan<byte> pointer = "version https://git-lfs"u8;
            if (length >= pointer.Length && file.Bytes(0, pointer.Length, "the start").SequenceEqual(pointer))
                throw new WeightFileException(path, "is a Git LFS pointer, not the file itself; `git lfs pull` fetches it");
            return file;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            file?.Dispose();
            throw new WeightFileException(path, $"cannot be opened: {error.Message}", error);
        }
        catch
        {
            file?.Dispose();
            throw;
        }
    }

    /// <summary>A range of the file, checked against its size; every parser reads through this.</summary>
    /// <param name="offset">From the start of the file.</param>
    /// <param name="length">Bytes; below 2 GiB.</param>
    /// <param name="what">What lies there, for the error.</param>
    /// <exception cref="WeightFileException">The range is not inside the file.</exception>
    public ReadOnlySpan<byte> Bytes(long offset, long length, string what)
    {
        Check(offset, length, what);
        return new ReadOnlySpan<byte>((byte*)Address + offset, checked((int)length));
    }

    /// <exception cref="WeightFileException">The range is not inside the file.</exception>
    public void Check(long offset, long length, string what)
    {
        if (offset < 0 || length < 0 || offset > Length - length)
        {
            throw new WeightFileException(
                Path, $"{what} should be {length} bytes at byte {offset}, but the file has {Length} bytes; is it truncated?");
        }
    }

    /// <summary>Brings a range into memory. <paramref name="offset"/> is a multiple of the page size.</summary>
    /// <exception cref="WeightFileException">The disk failed, or the file was shortened.</exception>
    public void Load(long offset, long length)
    {
        byte* start = (byte*)Address + offset;
        try
        {
            if (OperatingSystemCalls.TryPopulate((nint)start, (nuint)length))
                return;
        }
        catch (IOException error)
        {
            throw new WeightFileException(Path, $"cannot be read at byte {offset}: {error.Message}", error);
        }
        for (long at = 0; at < length; at += PageStep)
            Volatile.Read(ref start[at]);
    }

    public void Dispose()
    {
        _closed = true;
        _view.Dispose();
    }
}
