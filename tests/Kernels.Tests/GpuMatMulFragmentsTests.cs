namespace ChainOfSpot.Kernels.Tests;

/// <summary>
/// The tensor-core product without a GPU: copies, ldmatrix and mma as NVIDIA's PTX manual defines them, with the places that the
/// kernel computes.
/// </summary>
public sealed class GpuMatMulFragmentsTests
{
    private const int Tile = MatMulFragments.TileRows;
    private const int Depth = MatMulFragments.TileDepth;

    [Fact]
    public void A_tile_is_stored_without_gaps_and_its_rows_begin_in_different_banks()
    {
        var places = new HashSet<int>();
        for (int row = 0; row < Tile; row++)
        {
            for (int eight = 0; eight < Depth / 8; eight++)
            {
                int offset = MatMulFragments.Offset(row, eight);
                Assert.Equal(0, offset % 16);
                Assert.InRange(offset, 0, MatMulFragments.TileBytes - 16);
                Assert.True(places.Add(offset));
            }
        }
        for (int row = 0; row < Tile; row += 8)
        {
            for (int eight = 0; eight < Depth / 8; eight++)
                Assert.Equal(8, Enumerable.Range(row, 8).Select(r => MatMulFragments.Offset(r, eight) % 128).Distinct().Count());
        }
    }

    [Fact]
    public void Fragments_of_a_simulated_group_give_the_product_of_the_tiles()
    {
        Half[] a = Random(1);
        Half[] w = Random(2);
        Half[] aTile = Copied(a);
        Half[] wTile = Copied(w);
        float[] c = new float[Tile * Tile];
        for (int warp = 0; warp < 8; warp++)
        {
            // As in the kernel: two warps by four, of 64 x 32 outputs.
            int warpRow = warp & 1;
            int warpColumn = warp >> 1;
            for (int half = 0; half < Depth / 16; half++)
            {
                for (int rows = 0; rows < 64; rows += 16)
                {
                    uint[][] aWords = LoadMatrices(aTile, lane => MatMulFragments.Offset(
                        (warpRow * 64) + MatMulFragments.ARow(lane), (2 * half) + MatMulFragments.AEight(lane)) + (rows * Depth * 2));
                    for (int columns = 0; columns < 32; columns += 16)
                    {
                        uint[][] wWords = LoadMatrices(wTile, lane => MatMulFragments.Offset(
                            (warpColumn * 32) + MatMulFragments.BRow(lane), (2 * half) + MatMulFragments.BEight(lane)) + (columns * Depth * 2));
                        for (int step = 0; step < 2; step++)
                        {
                            MultiplyAdd(
                                c, (warpRow * 64) + rows, (warpColumn * 32) + columns + (8 * step), aWords, [.. wWords.Select(words => words[(2 * step)..(2 * step + 2)])]);
                        }
                    }
                }
            }
        }
        for (int row = 0; row < Tile; row++)
        {
            for (int column = 0; column < Tile; column++)
            {
                double expected = 0;
                for (int k = 0; k < Depth; k++)
                    expected += (double)a[(row * Depth) + k] * (double)w[(column * Depth) + k];
                Assert.Equal(expected, c[(row * Tile) + column], 1e-5);
            }
        }
    }

    /// <summary>A tile as 256 threads copy it, two eights each.</summary>
    private static Half[] Copied(Half[] source)
    {
        var tile = new Half[Tile * Depth];
        for (int thread = 0; thread < MatMul.GpuTensorThreads; thread++)
        {
            int row = thread >> 2;
            int eight = thread & 3;
            foreach (int below in (int[])[0, 64])
            {
                // The kernel adds 64 rows to the first place.
                int place = (MatMulFragments.Offset(row, eight) + (below * Depth * 2)) / 2;
                source.AsSpan(((row + below) * Depth) + (eight * 8), 8).CopyTo(tile.AsSpan(place));
            }
        }
        return tile;
    }

    /// <summary>ldmatrix.x4: words [lane][matrix].</summary>
    private static uint[][] LoadMatrices(Half[] shared, Func<int, int> address)
    {
        uint[][] words = [.. Enumerable.Range(0, 32).Select(_ => new uint[4])];
        for (int matrix = 0; matrix < 4; matrix++)
        {
            for (int lane = 0; lane < 32; lane++)
            {
                int first = (address((8 * matrix) + (lane / 4)) / 2) + (lane % 4 * 2);
                words[lane][matrix] = BitConverter.HalfToUInt16Bits(shared[first]) | ((uint)BitConverter.HalfToUInt16Bits(shared[first + 1]) << 16);
            }
        }
        return words;
    }

    /// <summary>mma.m16n8k16, and where the kernel writes what a lane has of C.</summary>
    private static void MultiplyAdd(float[] c, int firstRow, int firstColumn, uint[][] a, uint[][] b)
    {
        float[] left = new float[16 * 16];
        float[] right = new float[8 * 16];
        for (int lane = 0; lane < 32; lane++)
        {
            int g = lane / 4;
            int t = lane % 4;
            for (int word = 0; word < 4; word++)
                Put(left, g + (word % 2 * 8), (2 * t) + (word / 2 * 8), a[lane][word]);
            for (int word = 0; word < 2; word++)
                Put(right, g, (2 * t) + (word * 8), b[lane][word]);
        }
        for (int lane = 0; lane < 32; lane++)
        {
            for (int i = 0; i < 4; i++)
            {
                int row = (lane / 4) + (i / 2 * 8);
                int column = (lane % 4 * 2) + (i % 2);
                float sum = 0;
                for (int k = 0; k < 16; k++)
                    sum += left[(row * 16) + k] * right[(column * 16) + k];
                int outputRow = firstRow + MatMulFragments.CRow(lane) + (i / 2 * 8);
                int outputColumn = firstColumn + MatMulFragments.CColumn(lane) + (i % 2);
                c[(outputRow * Tile) + outputColumn] += sum;
            }
        }
    }

    private static void Put(float[] matrix, int row, int column, uint pair)
    {
        matrix[(row * 16) + column] = (float)BitConverter.UInt16BitsToHalf((ushort)pair);
        matrix[(row * 16) + column + 1] = (float)BitConverter.UInt16BitsToHalf((ushort)(pair >> 16));
    }

    private static Half[] Random(int seed)
    {
        var random = new Random(seed);
        var values = new Half[Tile * Depth];
        foreach (ref Half value in values.AsSpan())
            value = (Half)((random.NextSingle() * 2) - 1);
        return values;
    }
}
