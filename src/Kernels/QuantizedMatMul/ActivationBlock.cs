using System.Runtime.InteropServices;

namespace ChainOfSpot.Kernels;

/// <summary>
/// 32 consecutive activations of a row in 48 bytes: a[i] ≈ q[i] d with d = max |a| / 127 and q = a / d rounded, halves to even.
/// The sums of q are kept beside, so that weights can be stored without sign.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct ActivationBlock
{
    /// <summary>Activations in a block.</summary>
    public const int Length = 32;

    /// <summary>The scale d.</summary>
    public float Scale;

    /// <summary>d times the sum of q.</summary>
    public float ScaledSum;

    /// <summary>Minus the sum of q.</summary>
    public int NegatedSum;

    /// <summary>Minus the sum of the first 16 q.</summary>
    public int NegatedFirstSum;

    /// <summary>q in -127…127.</summary>
    public fixed sbyte Quants[Length];
}
