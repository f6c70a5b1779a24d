using System.Runtime.InteropServices;

namespace ChainOfSpot.Runtime.Platform;

/// <summary>Every call into the operating system that .NET itself does not offer; each says what happens where it is missing.</summary>
internal static partial class OperatingSystemCalls
{
    // Values of Linux' asm-generic/mman-common.h and errno.h; the same on x64 and arm64.
    private const int MadviseDontNeed = 4;
    private const int MadviseHugePage = 14;
    private const int MadvisePopulateRead = 22;
    private const int IoError = 5;
    private const int BadAddress = 14;
    private const int HardwarePoison = 133;

    // POSIX sys/mman.h; the flags differ between Linux and the BSDs, macOS among them.
    private const int ProtectRead = 1;
    private const int ProtectWrite = 2;
    private const int ProtectExecute = 4;
    private const int LinuxPrivateAnonymous = 0x22;
    private const int BsdPrivateAnonymous = 0x1002;

    // Windows' memoryapi.h.
    private const uint CommitAndReserve = 0x3000;
    private const uint Release = 0x8000;
    private const uint PageReadWrite = 0x04;
    private const uint PageExecuteRead = 0x20;

    /// <summary>Reads the pages of a file mapping and enters them in the page table, so that no later access faults.</summary>
    /// <param name="address">The start, on a page boundary.</param>
    /// <param name="length">Bytes from there.</param>
    /// <returns>False where the system cannot do it (not Linux, or older than 5.14): the caller touches the pages itself.</returns>
    /// <exception cref="IOException">The file could not be read: a disk error, or it was shortened after it was mapped.</exception>
    public static bool TryPopulate(nint address, nuint length)
    {
        if (!OperatingSystem.IsLinux())
            return false;
        if (MemoryAdvise(address, length, MadvisePopulateRead) == 0)
            return true;
        int error = Marshal.GetLastPInvokeError();
        if (error is IoError or BadAddress or HardwarePoison)
            throw new IOException(Marshal.GetPInvokeErrorMessage(error));
        return false;
    }

    /// <summary>
    /// Asks for large pages under memory that is not yet touched, so that a sweep over it misses the address cache less often.
    /// Elsewhere, or where the system declines, the memory stays as it is.
    /// </summary>
    public static void PreferLargePages(nint address, nuint length)
    {
        if (OperatingSystem.IsLinux())
            _ = MemoryAdvise(address, length, MadviseHugePage);
    }

    /// <summary>
    /// Takes whole pages of a file mapping out of this process's memory; they come back from the file when they are read again.
    /// Elsewhere than on Linux the system decides by itself when to.
    /// </summary>
    public static void DropPages(nint address, nint length)
    {
        nint page = Environment.SystemPageSize;
        nint first = (address + page - 1) / page * page;
        nint end = (address + length) / page * page;
        if (OperatingSystem.IsLinux() && end > first)
            _ = MemoryAdvise(first, (nuint)(end - first), MadviseDontNeed);
    }

    /// <summary>
    /// Puts machine code into memory of its own, which can be written until the code is there and executed from then on, never
    /// both at once.
    /// </summary>
    /// <returns>The address, or 0 where the system does not let a program do this.</returns>
    public static unsafe nint MapCode(ReadOnlySpan<byte> code)
    {
        var length = (nuint)code.Length;
        nint address = OperatingSystem.IsWindows()
            ? VirtualAlloc(0, length, CommitAndReserve, PageReadWrite)
            : MemoryMap(0, length, ProtectRead | ProtectWrite, OperatingSystem.IsLinux() ? LinuxPrivateAnonymous : BsdPrivateAnonymous, -1, 0);
        if (address is 0 or -1)
            return 0;
        code.CopyTo(new Span<byte>((void*)address, code.Length));
        bool executable = OperatingSystem.IsWindows()
            ? VirtualProtect(address, length, PageExecuteRead, out _) != 0
            : MemoryProtect(address, length, ProtectRead | ProtectExecute) == 0;
        if (executable)
            return address;
        UnmapCode(address, code.Length);
        return 0;
    }

    /// <summary>Gives back what <see cref="MapCode"/> took.</summary>
    public static void UnmapCode(nint address, int length)
    {
        if (OperatingSystem.IsWindows())
            _ = VirtualFree(address, 0, Release);
        else
            _ = MemoryUnmap(address, (nuint)length);
    }

    [LibraryImport("kernel32")]
    private static partial nint VirtualAlloc(nint address, nuint length, uint type, uint protection);

    [LibraryImport("kernel32")]
    private static partial int VirtualProtect(nint address, nuint length, uint protection, out uint before);

    [LibraryImport("kernel32")]
    private static partial int VirtualFree(nint address, nuint length, uint type);

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint MemoryMap(nint address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int MemoryProtect(nint address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int MemoryUnmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int MemoryAdvise(nint address, nuint length, int advice);
}
