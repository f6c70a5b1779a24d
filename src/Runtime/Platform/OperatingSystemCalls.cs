using System.Runtime.InteropServices;

namespace ChainOfSpot.Runtime.Platform;

/// <summary>Every call into the operating system that .NET itself does not offer; each says what happens where it is missing.</summary>
internal static partial class OperatingSystemCalls
{
    // Values of Linux' asm-generic/mman-common.h and errno.h; the same on x64 and arm64.
    private const int MadviseHugePage = 14;
    private const int MadvisePopulateRead = 22;
    private const int IoError = 5;
    private const int BadAddress = 14;
    private const int HardwarePoison = 133;

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

    [LibraryImport("libc", EntryPoint = "madvise", SetLastError = true)]
    private static partial int MemoryAdvise(nint address, nuint length, int advice);
}
