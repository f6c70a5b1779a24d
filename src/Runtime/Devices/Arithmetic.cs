namespace ChainOfSpot.Runtime.Devices;

/// <summary>What a device may round on its way to an output; docs/numerics.md has the measured effect.</summary>
public enum Arithmetic
{
    /// <summary>Activations and sums in fp32, weights as they are stored.</summary>
    Exact,

    /// <summary>
    /// Matrix products with block-quantised weights round their activations to 8 bits with a scale for 32; products of many rows with
    /// fp16 or bf16 weights round both to bf16 where the CPU multiplies that faster; the CPU's key-value cache is in halves unless told
    /// otherwise. On CUDA, products of five rows and more round both
    /// to fp16 for the tensor cores.
    /// </summary>
    Fast,
}
