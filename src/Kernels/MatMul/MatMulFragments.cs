namespace ChainOfSpot.Kernels;

/// <summary>
/// Where the numbers of a product on tensor cores lie: tiles [128 rows, 32 columns] of fp16 in shared memory, and the registers
/// of a warp. Plain arithmetic, so that the kernel and a simulation of a warp share it.
/// <para>A step of mma.m16n8k16 multiplies A [16, 16] by B [8, 16] transposed. A thread has of A the words (row, column pair)
/// (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4) with g = lane / 4, t = lane mod 4; of B (g, t), (g, t + 4); of C the numbers
/// (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1). ldmatrix gives word t of row g of each of four 8 x 8 matrices whose rows
/// the lanes point to.</para>
/// </summary>
public static class MatMulFragments
{
    /// <summary>Columns of a tile.</summary>
    public const int TileDepth = 32;

    /// <summary>Rows of a tile of A and of W.</summary>
    public const int TileRows = 128;

    /// <summary>Bytes of a tile.</summary>
    public const int TileBytes = TileRows * TileDepth * 2;

    /// <summary>
    /// The byte of a tile where eight columns of a row begin. Two rows fill the 32 banks; the column is exchanged by row pairs,
    /// so that eight rows of one matrix lie in all banks.
    /// </summary>
    /// <param name="row">A row of the tile.</param>
    /// <param name="eight">Columns [8 eight, 8 eight + 8).</param>
    public static int Offset(int row, int eight) => (row * TileDepth * 2) + ((eight ^ ((row >> 1) & 3)) * 16);

    /// <summary>The row of A [16, 16] that a lane points ldmatrix to, for the four words of A.</summary>
    public static int ARow(int lane) => lane & 15;

    /// <summary>The eight columns of A that a lane points to.</summary>
    public static int AEight(int lane) => lane >> 4;

    /// <summary>The row of B [16, 16], two steps side by side, that a lane points ldmatrix to, for two words of each step.</summary>
    public static int BRow(int lane) => (lane & 7) + (lane >> 4 << 3);

    /// <summary>The eight columns of B that a lane points to.</summary>
    public static int BEight(int lane) => (lane >> 3) & 1;

    /// <summary>The row of C of a lane's first two numbers; the other two are eight rows below.</summary>
    public static int CRow(int lane) => lane >> 2;

    /// <summary>The column of C of a lane's first number.</summary>
    public static int CColumn(int lane) => (lane & 3) * 2;
}
