using System.Runtime.InteropServices;
using ChainOfSpot.Kernels.MachineCode;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace ChainOfSpot.Kernels;

/// <summary>
/// The int8 tile in AVX512-VNNI: up to 4 rows by 4 vectors of 16 columns. 16 int32 accumulators, 4 vectors of weights and two
/// broadcast activations stay in registers: 8 loads feed 16 dot products of 64 bytes; the fp32 sums, touched once a block, lie in
/// the L1 cache.
/// </summary>
public static class Int8TileCode
{
    /// <summary>The most rows of a tile.</summary>
    public const int MostRows = 4;

    private const int Vectors = 4;
    private const int Steps = ActivationBlock.Length / 4;
    private const int VectorBytes = 64;
    private const int CacheLine = 64;
    private const int PrefetchDistance = 8192;

    /// <summary>From a row of a tile to the same row of the next tile, in a whole chunk.</summary>
    private static readonly int NextTileBytes = MostRows * ActivationBlocks.ChunkBlocks * Marshal.SizeOf<ActivationBlock>();

    /// <summary>Whether this CPU runs the code.</summary>
    public static bool IsSupported => MachineFunction.HasInt8Dots;

    /// <summary>Assembles the function: void f(Int8TileArguments*).</summary>
    /// <param name="rows">Rows of activations, 1 to <see cref="MostRows"/>.</param>
    /// <param name="scaling">How the weights are scaled.</param>
    /// <param name="prefetchBytes">Bytes of weights ahead that are asked for with each block, where they are multiplied as they lie in memory; 0 for none.</param>
    /// <param name="convention">How it is called.</param>
    public static byte[] Assemble(int rows, Int8Scaling scaling, int prefetchBytes, CallConvention convention) =>
        MachineFunction.Assemble(convention, assembler => new Body(assembler, rows, scaling, prefetchBytes).Emit());

    private sealed class Body(Assembler assembler, int rows, Int8Scaling scaling, int prefetchBytes)
    {
        private static readonly AssemblerRegisterZMM[] Broadcasts = [zmm28, zmm29];

        private readonly int _groups = scaling.Groups();

        public void Emit()
        {
            LoadArguments();
            Label block = assembler.CreateLabel();
            assembler.Label(ref block);
            for (int group = 0; group < _groups; group++)
            {
                StartSums(group);
                for (int step = group * Steps / _groups; step < (group + 1) * Steps / _groups; step++)
                    Multiply(step);
                AddScaled(group);
            }
            assembler.add(rax, Marshal.SizeOf<ActivationBlock>());
            if (rows > 3)
                assembler.add(rdx, Marshal.SizeOf<ActivationBlock>());
            assembler.add(r10, scaling.Floats() * sizeof(float));
            assembler.add(r9, Field(nameof(Int8TileArguments.WeightStride)));
            assembler.cmp(r9, Field(nameof(Int8TileArguments.WeightsEnd)));
            assembler.jb(block);
        }

        private void LoadArguments()
        {
            assembler.mov(rax, Field(nameof(Int8TileArguments.A)));
            assembler.mov(r8, Field(nameof(Int8TileArguments.AStride)));
            assembler.mov(r9, Field(nameof(Int8TileArguments.Weights)));
            assembler.mov(r10, Field(nameof(Int8TileArguments.Scales)));
            assembler.mov(r11, Field(nameof(Int8TileArguments.Sums)));
            assembler.vmovq(xmm30, Field(nameof(Int8TileArguments.OffsetShift)));
            if (rows > 3)
            {
                assembler.lea(rdx, __[rax + r8 * 2]);
                assembler.add(rdx, r8);
            }
        }

        /// <summary>Accumulators begin at minus the offset times the sum of q.</summary>
        private void StartSums(int group)
        {
            for (int row = 0; row < rows; row++)
            {
                AssemblerRegisterZMM first = Sum(row, 0);
                if (scaling.IsAffine())
                {
                    for (int vector = 0; vector < Vectors; vector++)
                        assembler.vpxord(Sum(row, vector), Sum(row, vector), Sum(row, vector));
                    continue;
                }
                LoadNegatedSum(first, row, group);
                assembler.vpslld(first, first, xmm30);
                for (int vector = 1; vector < Vectors; vector++)
                    assembler.vmovdqa32(Sum(row, vector), first);
            }
        }

        private void LoadNegatedSum(AssemblerRegisterZMM destination, int row, int group)
        {
            bool first16 = _groups == 2 && group == 0;
            assembler.vpbroadcastd(
                destination, __dword_ptr[Activations(row, first16 ? nameof(ActivationBlock.NegatedFirstSum) : nameof(ActivationBlock.NegatedSum))]);
            if (group == 1)
                assembler.vpsubd(destination, destination, __dword_bcst[Activations(row, nameof(ActivationBlock.NegatedFirstSum))]);
        }

        private void Multiply(int step)
        {
            for (int vector = 0; vector < Vectors; vector++)
                assembler.vmovdqu32(Weight(vector), __zmmword_ptr[r9 + ((step * Vectors + vector) * VectorBytes)]);
            Prefetch(step);
            for (int row = 0; row < rows; row++)
            {
                AssemblerRegisterZMM broadcast = Broadcasts[row % 2];
                if (step == 0 && rows == MostRows)
                    assembler.prefetcht0(__byte_ptr[Activations(row, nameof(ActivationBlock.Scale)) + NextTileBytes]);
                assembler.vpbroadcastd(broadcast, __dword_ptr[Activations(row, nameof(ActivationBlock.Quants)) + (step * 4)]);
                for (int vector = 0; vector < Vectors; vector++)
                    assembler.vpdpbusd(Sum(row, vector), Weight(vector), broadcast);
            }
        }

        private void AddScaled(int group)
        {
            for (int vector = 0; vector < Vectors; vector++)
                assembler.vmovups(Weight(vector), __zmmword_ptr[r10 + Scale(group, vector)]);
            for (int row = 0; row < rows; row++)
            {
                assembler.vbroadcastss(zmm28, __dword_ptr[Activations(row, nameof(ActivationBlock.Scale))]);
                if (scaling == Int8Scaling.Affine)
                {
                    assembler.vbroadcastss(zmm29, __dword_ptr[Activations(row, nameof(ActivationBlock.ScaledSum))]);
                }
                else if (scaling == Int8Scaling.AffineHalfBlock)
                {
                    // Minus d times the sum of the group's q.
                    LoadNegatedSum(zmm29, row, group);
                    assembler.vcvtdq2ps(zmm29, zmm29);
                    assembler.vmulps(zmm29, zmm29, zmm28);
                }
                for (int vector = 0; vector < Vectors; vector++)
                {
                    AssemblerRegisterZMM sum = Sum(row, vector);
                    AssemblerMemoryOperand total = __zmmword_ptr[r11 + ((row * Vectors + vector) * VectorBytes)];
                    assembler.vcvtdq2ps(sum, sum);
                    assembler.vmulps(zmm31, Weight(vector), zmm28);
                    assembler.vfmadd213ps(sum, zmm31, total);
                    if (scaling == Int8Scaling.Affine)
                        assembler.vfnmadd231ps(sum, zmm29, __zmmword_ptr[r10 + Scale(_groups, vector)]);
                    else if (scaling == Int8Scaling.AffineHalfBlock)
                        assembler.vfmadd231ps(sum, zmm29, __zmmword_ptr[r10 + Scale(_groups + group, vector)]);
                    assembler.vmovups(total, sum);
                }
            }
        }

        /// <summary>Spreads the cache lines of a block over its steps.</summary>
        private void Prefetch(int step)
        {
            int lines = prefetchBytes / CacheLine;
            for (int line = lines * step / Steps; line < lines * (step + 1) / Steps; line++)
                assembler.prefetchnta(__byte_ptr[r9 + (PrefetchDistance + (line * CacheLine))]);
        }

        private static AssemblerMemoryOperand Activations(int row, string field)
        {
            int offset = (int)Marshal.OffsetOf<ActivationBlock>(field);
            AssemblerRegister64 start = row < 3 ? rax : rdx;
            return (row % 3) switch
            {
                0 => start + offset,
                1 => start + r8 + offset,
                _ => start + r8 * 2 + offset,
            };
        }

        private static AssemblerMemoryOperand Field(string name) => __qword_ptr[rcx + (int)Marshal.OffsetOf<Int8TileArguments>(name)];

        private static int Scale(int group, int vector) => (group * Vectors + vector) * VectorBytes;

        private static AssemblerRegisterZMM Sum(int row, int vector) => new(Register.ZMM0 + (row * Vectors) + vector);

        private static AssemblerRegisterZMM Weight(int vector) => new(Register.ZMM24 + vector);
    }
}
