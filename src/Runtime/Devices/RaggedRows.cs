namespace ChainOfSpot.Runtime.Devices;

/// <summary>
/// The rows of one step, of several sequences side by side: row r stands at position Positions[r] of sequence Sequences[r],
/// whose pages are row Sequences[r] of the page table. Rows of one sequence are consecutive and ascend by one position.
/// All of it lies in device memory, so a captured step can be replayed with other contents.
/// </summary>
/// <param name="Positions">I32 [rows, 1].</param>
/// <param name="Sequences">I32 [rows, 1].</param>
/// <param name="PageTable">I32 [sequences, most pages of a sequence].</param>
public readonly record struct RaggedRows(TensorView Positions, TensorView Sequences, Tensor PageTable);
