using ILGPU;

namespace ChainOfSpot.Kernels.Gpu;

/// <summary>
/// What the instructions of <see cref="GpuInstructions"/> do, as NVIDIA's PTX manual defines them, for ILGPU's CPU accelerator: it runs
/// every lane of a warp as a thread of its own, with warps of 32 lanes. So kernels for tensor cores are tested without a GPU.
/// </summary>
internal static unsafe class WarpSimulation
{
    private const int Lanes = 32;

    [ThreadStatic]
    private static byte* s_shared;

    // Copies that were asked for, in groups: they happen when they are waited for, as late as a GPU may do them.
    [ThreadStatic]
    private static Queue<List<(nint To, nint From)>>? s_groups;

    [ThreadStatic]
    private static List<(nint To, nint From)>? s_open;

    /// <summary>Addresses of shared memory count from the element that a kernel asks for, one of it at most.</summary>
    public static int SharedAddress(void* element)
    {
        s_shared = (byte*)element;
        return 0;
    }

    public static void CopyAsync(int shared, long global)
    {
        RequireAligned(shared);
        RequireAligned(global);
        (s_open ??= []).Add(((nint)(s_shared + shared), (nint)global));
    }

    public static void CommitCopies()
    {
        (s_groups ??= []).Enqueue(s_open ?? []);
        s_open = null;
    }

    /// <summary>Until at most so many groups are under way.</summary>
    public static void WaitForCopies(int underWay)
    {
        while (s_groups?.Count > underWay)
        {
            foreach ((nint to, nint from) in s_groups.Dequeue())
                Buffer.MemoryCopy((void*)from, (void*)to, 16, 16);
        }
    }

    public static GpuUInt4 LoadMatrices(int shared)
    {
        nint* rows = stackalloc nint[Lanes];
        nint* all = Rows(rows, shared);
        int lane = Warp.LaneIdx;
        var words = new GpuUInt4
        {
            X = ((uint*)all[lane / 4])[lane % 4],
            Y = ((uint*)all[8 + (lane / 4)])[lane % 4],
            Z = ((uint*)all[16 + (lane / 4)])[lane % 4],
            W = ((uint*)all[24 + (lane / 4)])[lane % 4],
        };
        // The table is the first lane's.
        Warp.Barrier();
        return words;
    }

    public static GpuUInt4 LoadMatricesTransposed(int shared)
    {
        nint* rows = stackalloc nint[Lanes];
        nint* all = Rows(rows, shared);
        var words = new GpuUInt4
        {
            X = TransposedWord(all),
            Y = TransposedWord(all + 8),
            Z = TransposedWord(all + 16),
            W = TransposedWord(all + 24),
        };
        Warp.Barrier();
        return words;
    }

    public static GpuFloat4 MultiplyAdd(GpuFloat4 c, GpuUInt4 a, GpuUInt2 b)
    {
        uint* words = stackalloc uint[Lanes * 6];
        int lane = Warp.LaneIdx;
        uint* all = (uint*)Warp.Shuffle((long)words, 0);
        uint* own = all + (lane * 6);
        (own[0], own[1], own[2], own[3], own[4], own[5]) = (a.X, a.Y, a.Z, a.W, b.X, b.Y);
        Warp.Barrier();
        int row = lane / 4;
        int column = lane % 4 * 2;
        var result = new GpuFloat4
        {
            X = Dot(all, row, column, c.X),
            Y = Dot(all, row, column + 1, c.Y),
            Z = Dot(all, row + 8, column, c.Z),
            W = Dot(all, row + 8, column + 1, c.W),
        };
        Warp.Barrier();
        return result;
    }

    public static uint Halves(float low, float high) =>
        BitConverter.HalfToUInt16Bits((System.Half)low) | ((uint)BitConverter.HalfToUInt16Bits((System.Half)high) << 16);

    public static float Widen(uint half) => (float)BitConverter.UInt16BitsToHalf((ushort)half);

    /// <summary>The rows that the lanes point to, in a table of the first lane.</summary>
    private static nint* Rows(nint* own, int shared)
    {
        RequireAligned(shared);
        nint* all = (nint*)Warp.Shuffle((long)own, 0);
        all[Warp.LaneIdx] = (nint)(s_shared + shared);
        Warp.Barrier();
        return all;
    }

    /// <summary>Column lane / 4 of rows 2 (lane mod 4) and the next.</summary>
    private static uint TransposedWord(nint* rows)
    {
        int column = Warp.LaneIdx / 4;
        int row = Warp.LaneIdx % 4 * 2;
        return ((ushort*)rows[row])[column] | ((uint)((ushort*)rows[row + 1])[column] << 16);
    }

    /// <summary>A word of A holds two neighbouring columns of a row; of B, two neighbouring rows of a column.</summary>
    private static float Dot(uint* words, int row, int column, float sum)
    {
        double exact = sum;
        for (int k = 0; k < 16; k++)
        {
            uint left = words[(((row % 8 * 4) + (k % 8 / 2)) * 6) + (row / 8) + (k / 8 * 2)];
            uint right = words[(((column * 4) + (k % 8 / 2)) * 6) + 4 + (k / 8)];
            exact += (double)Widen(left >> (k % 2 * 16)) * Widen(right >> (k % 2 * 16));
        }
        return (float)exact;
    }

    private static void RequireAligned(long address)
    {
        if (address % 16 != 0)
            throw new InvalidOperationException($"Address {address} is no multiple of 16.");
    }
}
