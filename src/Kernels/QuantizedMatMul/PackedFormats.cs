namespace ChainOfSpot.Kernels;

/// <summary>What is done with the packed format of a type of weights.</summary>
internal interface IPackedFormatUse
{
    /// <summary>Does it.</summary>
    void With<TFormat>()
        where TFormat : IPackedFormat;
}

/// <summary>The packed format of each type of weights that has one.</summary>
internal static class PackedFormats
{
    /// <summary>Uses the packed format of a type.</summary>
    /// <returns>Whether there is one.</returns>
    public static bool TryUse<TUse>(ElementType type, ref TUse use)
        where TUse : struct, IPackedFormatUse
    {
        switch (type)
        {
            case ElementType.Q8_0:
                use.With<PackedQ8_0>();
                return true;
            case ElementType.Q4_0:
                use.With<PackedQ4_0>();
                return true;
            case ElementType.Q4_1:
                use.With<PackedQ4_1>();
                return true;
            case ElementType.Q5_0:
                use.With<PackedQ5_0>();
                return true;
            case ElementType.Q5_1:
                use.With<PackedQ5_1>();
                return true;
            case ElementType.Q2_K:
                use.With<PackedQ2_K>();
                return true;
            case ElementType.Q3_K:
                use.With<PackedQ3_K>();
                return true;
            case ElementType.Q4_K:
                use.With<PackedQ4_K>();
                return true;
            case ElementType.Q5_K:
                use.With<PackedQ5_K>();
                return true;
            case ElementType.Q6_K:
                use.With<PackedQ6_K>();
                return true;
            case ElementType.IQ4_NL:
                use.With<PackedIQ4_NL>();
                return true;
            case ElementType.IQ4_XS:
                use.With<PackedIQ4_XS>();
                return true;
            default:
                return false;
        }
    }

    /// <summary>Uses the packed format of a type.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The type cannot be packed.</exception>
    public static void Use<TUse>(ElementType type, ref TUse use)
        where TUse : struct, IPackedFormatUse
    {
        if (!TryUse(type, ref use))
            throw new ArgumentOutOfRangeException(nameof(type), type, "Weights of this type cannot be packed for the int8 product.");
    }
}
