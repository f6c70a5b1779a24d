using System.Runtime.InteropServices;

namespace ChainOfSpot.TestSupport;

/// <summary>Bytes that end where a page begins that traps every access (on Linux; elsewhere plain memory).</summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    private const int PageBytes = 4096;
    private const int ReadWrite = 3;
    private const int PrivateAnonymous = 0x22;

    private readonly byte* _mapping;
    private readonly nuint _mappedBytes;

    public GuardedMemory(ReadOnlySpan<byte> content)
    {
        nuint rounded = (nuint)(content.Length + PageBytes - 1) / PageBytes * PageBytes;
        _mappedBytes = rounded + PageBytes;
        if (OperatingSystem.IsLinux())
        {
            _mapping = Map(null, _mappedBytes, ReadWrite, PrivateAnonymous, -1, 0);
            if (_mapping == (byte*)-1 || Protect(_mapping + rounded, PageBytes, 0) != 0)
                throw new InvalidOperationException($"No guarded memory of {_mappedBytes} bytes.");
        }
        else
        {
            _mapping = (byte*)NativeMemory.AllocZeroed(_mappedBytes);
        }
        Start = _mapping + rounded - content.Length;
        content.CopyTo(new Span<byte>(Start, content.Length));
    }

    public byte* Start { get; }

    public void Dispose()
    {
        if (OperatingSystem.IsLinux())
            _ = Unmap(_mapping, _mappedBytes);
        else
            NativeMemory.Free(_mapping);
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial byte* Map(void* address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);
}
