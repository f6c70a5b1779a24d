using System.Runtime.InteropServices;

namespace ChainOfSpot.Kernels.MachineCode;

/// <summary>Where a function finds its argument and which registers it has to leave as they were.</summary>
public enum CallConvention
{
    /// <summary>System V AMD64 ABI: the argument in rdi; every vector register may change.</summary>
    SystemV,

    /// <summary>Microsoft x64: the argument in rcx; the lower 128 bits of vector registers 6 to 15 stay.</summary>
    Windows,
}

/// <summary>
/// Where an assembled function keeps registers 6 to 15 for a caller by the Windows convention; the first field of its arguments.
/// So the function never moves the stack pointer and needs no unwind information.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 10 * 16)]
public struct SavedRegisters;
