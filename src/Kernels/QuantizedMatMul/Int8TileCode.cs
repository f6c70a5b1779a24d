using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using ChainOfSpot.Kernels.MachineCode;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace ChainOfSpot.Kernels;

/// <summary>
/// The int8 tile in assembled code, of up to 4 rows. See <see cref="Int8TileArguments"/> for what it computes.
/// <para>AVX512-VNNI: up to 3 rows by 4 vectors of 16 columns, or 4 rows by 2, passed over twice. int32 accumulators, fp32 sums, weights
/// and two broadcast activations stay in registers: 6 loads feed 8 dot products of 64 bytes.</para>
/// <para>AVX2: by 2 vectors of 8 columns, 4 or 8 with two rows or one, passed over until all columns are done. Products are added in pairs in 16 bits, as many as these hold: those of
/// a whole block where quants have four bits, two steps where they have six; with eight, activations take the weights' signs. The fp32 sums,
/// touched once a block, lie in the L1 cache.</para>
/// </summary>
public static class Int8TileCode
{
    /// <summary>The most rows of a tile.</summary>
    public const int MostRows = 4;

    /// <summary>
    /// The most rows whose tile reads the weights in the order in which they lie, all columns of a step together, with AVX512-VNNI.
    /// </summary>
    public const int MostRowsInOrder = 3;

    private const int Steps = ActivationBlock.Length / 4;
    private const uint SignBits = 0x80808080;

    /// <summary>From a row of a tile to the same row of the next tile, in a whole chunk.</summary>
    private static readonly int NextTileBytes = MostRows * ActivationBlocks.ChunkBlocks * Marshal.SizeOf<ActivationBlock>();

    /// <summary>
    /// The bits of vectors, at most so many, for which this CPU runs the code and has no better in intrinsics (AVX-VNNI); 0 for none.
    /// </summary>
    public static int VectorBits(int most) => Int8Assembler.WidestBits(most) is var bits && bits < 512 && AvxVnni.IsSupported ? 0 : bits;

    /// <summary>Assembles the function: void f(Int8TileArguments*).</summary>
    /// <param name="type">How the weights are stored that were unpacked.</param>
    /// <param name="rows">Rows of activations, 1 to <see cref="MostRows"/>.</param>
    /// <param name="vectorBits">512 for AVX512-VNNI, 256 for AVX2.</param>
    /// <param name="convention">How it is called.</param>
    /// <exception cref="ArgumentOutOfRangeException">The type cannot be packed.</exception>
    public static byte[] Assemble(ElementType type, int rows, int vectorBits, CallConvention convention)
    {
        var assembly = new Assembly(rows, vectorBits, convention);
        PackedFormats.Use(type, ref assembly);
        return assembly.Code;
    }

    private struct Assembly(int rows, int vectorBits, CallConvention convention) : IPackedFormatUse
    {
        public byte[] Code { get; private set; } = [];

        public void With<TFormat>()
            where TFormat : IPackedFormat
        {
            (int tileRows, int bits) = (rows, vectorBits);
            Code = MachineFunction.Assemble(convention, assembler => new Body<TFormat>(new Int8Assembler(assembler, bits), tileRows).Emit());
        }
    }

    /// <summary>
    /// rax: activations of a block; rdx: those of the fourth row; r8: bytes between rows; r9: weights; r10: scales; r11: sums. Registers of
    /// zmm code are up to 12 accumulators and as many sums, 24 to 27 weights, 28 to 31 others; of ymm code 8 accumulators, 8 to 11 weights,
    /// 12 to 15 others.
    /// </summary>
    private sealed class Body<TQuants>(Int8Assembler v, int rows)
        where TQuants : IInt8Quants
    {
        private readonly Assembler _assembler = v.Assembler;
        private readonly int _groups = TQuants.Scaling.Groups();
        private readonly int _groupSteps = Steps / TQuants.Scaling.Groups();
        private readonly int _vectors = v.HasInt8Dots ? (rows <= MostRowsInOrder ? 4 : 2) : rows switch { 1 => 8, 2 => 4, _ => 2 };

        /// <summary>Steps whose products 16 bits hold.</summary>
        private readonly int _run = Math.Min(Steps / TQuants.Scaling.Groups(), Int8Assembler.PairsIn16Bits(TQuants.LargestQuant));

        /// <summary>Whether quants have signs when they are multiplied, and no offset then.</summary>
        private readonly bool _signed = !v.HasInt8Dots && TQuants.LargestQuant > 127;

        /// <summary>Whether sums stay in 16 bits for a whole group.</summary>
        private bool Sums16 => !v.HasInt8Dots && _run == _groupSteps;

        private bool HasOffset => !TQuants.Scaling.IsAffine() && !_signed;

        private int X => v.HasInt8Dots ? 28 : 12;

        private int Products => v.HasInt8Dots ? 31 : 13;

        private static int Ones => 14;

        /// <summary>The sign bits of bytes where quants have signs, else products.</summary>
        private static int Last => 15;

        public void Emit()
        {
            _assembler.mov(r8, Field(nameof(Int8TileArguments.AStride)));
            if (!v.HasInt8Dots)
                v.FillOnes(Ones);
            if (_signed)
                v.Fill(Last, SignBits);
            _assembler.mov(r11, Field(nameof(Int8TileArguments.Sums)));
            Label columns = _assembler.CreateLabel();
            _assembler.Label(ref columns);
            StartColumns();
            if (v.HasInt8Dots)
                ForSums((row, vector) => v.Load(Total(row, vector), TotalInMemory(row, vector)));
            Label block = _assembler.CreateLabel();
            _assembler.Label(ref block);
            for (int group = 0; group < _groups; group++)
            {
                Multiply(group);
                AddScaled(group);
            }
            _assembler.add(rax, Marshal.SizeOf<ActivationBlock>());
            if (rows > 3)
                _assembler.add(rdx, Marshal.SizeOf<ActivationBlock>());
            _assembler.add(r10, TQuants.Scaling.Floats() * sizeof(float));
            _assembler.add(r9, Field(nameof(Int8TileArguments.WeightStride)));
            _assembler.cmp(r9, Field(nameof(Int8TileArguments.WeightsEnd)));
            _assembler.jb(block);
            if (v.HasInt8Dots)
                ForSums((row, vector) => v.Store(TotalInMemory(row, vector), Total(row, vector)));
            if (_vectors * v.Bytes == PackedBlocks.StepBytes)
                return;
            _assembler.add(r11, _vectors * v.Bytes);
            _assembler.mov(rax, Field(nameof(Int8TileArguments.Sums)));
            _assembler.add(rax, Int8Tile.Columns * sizeof(float));
            _assembler.cmp(r11, rax);
            _assembler.jb(columns);
        }

        /// <summary>A column has four bytes in sums, scales and steps of weights alike.</summary>
        private void StartColumns()
        {
            _assembler.mov(r9, r11);
            _assembler.sub(r9, Field(nameof(Int8TileArguments.Sums)));
            _assembler.mov(r10, r9);
            _assembler.add(r9, Field(nameof(Int8TileArguments.Weights)));
            _assembler.add(r10, Field(nameof(Int8TileArguments.Scales)));
            _assembler.mov(rax, Field(nameof(Int8TileArguments.A)));
            if (rows > 3)
            {
                _assembler.lea(rdx, __[rax + r8 * 2]);
                _assembler.add(rdx, r8);
            }
        }

        private void Multiply(int group)
        {
            int first = group * _groupSteps;
            if (!Sums16)
                StartSums(group);
            for (int step = first; step < first + _groupSteps; step += v.HasInt8Dots || Sums16 ? 1 : _run)
            {
                if (step == 0)
                    PrefetchNextTile();
                if (v.HasInt8Dots)
                    AddDots(step);
                else if (Sums16)
                    AddPairs(step, isFirst: step == first);
                else if (_signed)
                    AddSignedPairs(step);
                else
                    AddRun(step);
            }
        }

        /// <summary>Accumulators begin at minus the offset times the sum of q.</summary>
        private void StartSums(int group)
        {
            for (int row = 0; row < rows; row++)
            {
                if (!HasOffset)
                {
                    for (int vector = 0; vector < _vectors; vector++)
                        v.Clear(Sum(row, vector));
                    continue;
                }
                LoadStart(Sum(row, 0), row, group);
                for (int vector = 1; vector < _vectors; vector++)
                    v.Move(Sum(row, vector), Sum(row, 0));
            }
        }

        private void LoadStart(int destination, int row, int group)
        {
            LoadNegatedSum(destination, row, group);
            v.ShiftLeft32(destination, TQuants.OffsetShift);
        }

        private void LoadNegatedSum(int destination, int row, int group)
        {
            bool first16 = _groups == 2 && group == 0;
            v.BroadcastInt32(destination, Activations(row, first16 ? nameof(ActivationBlock.NegatedFirstSum) : nameof(ActivationBlock.NegatedSum)));
            if (group != 1)
                return;
            v.BroadcastInt32(Products, Activations(row, nameof(ActivationBlock.NegatedFirstSum)));
            v.SubtractInt32(destination, Products);
        }

        private void PrefetchNextTile()
        {
            for (int row = 0; row < rows && rows == MostRows; row++)
                _assembler.prefetcht0(__byte_ptr[Activations(row, nameof(ActivationBlock.Scale)) + NextTileBytes]);
        }

        private void AddDots(int step)
        {
            for (int vector = 0; vector < _vectors; vector++)
                v.Load(Weight(vector), Weights(step, vector));
            for (int row = 0; row < rows; row++)
            {
                int x = X + (row % 2);
                LoadActivations(x, row, step);
                for (int vector = 0; vector < _vectors; vector++)
                    v.AddDots(Sum(row, vector), Weight(vector), x);
            }
        }

        private void AddPairs(int step, bool isFirst)
        {
            for (int pair = 0; pair < _vectors; pair += 2)
            {
                for (int i = 0; i < 2; i++)
                    v.Load(Weight(i), Weights(step, pair + i));
                for (int row = 0; row < rows; row++)
                {
                    LoadActivations(X, row, step);
                    for (int i = 0; i < 2; i++)
                    {
                        int products = isFirst ? Sum(row, pair + i) : i == 0 ? Products : Last;
                        v.MultiplyPairs(products, Weight(i), X);
                        if (!isFirst)
                            v.AddInt16(Sum(row, pair + i), products);
                    }
                }
            }
        }

        /// <summary>Adds products of a run of steps in 16 bits, vector by vector, before they are added in 32.</summary>
        private void AddRun(int step)
        {
            for (int vector = 0; vector < _vectors; vector++)
            {
                for (int i = 0; i < _run; i++)
                    v.Load(Weight(i), Weights(step + i, vector));
                for (int row = 0; row < rows; row++)
                {
                    for (int i = 0; i < _run; i++)
                    {
                        int products = i == 0 ? Products : Last;
                        LoadActivations(X, row, step + i);
                        v.MultiplyPairs(products, Weight(i), X);
                        if (i > 0)
                            v.AddInt16(Products, products);
                    }
                    v.WidenPairs(Products, Ones);
                    v.AddInt32(Sum(row, vector), Products);
                }
            }
        }

        private void AddSignedPairs(int step)
        {
            for (int pair = 0; pair < _vectors; pair += 2)
            {
                for (int i = 0; i < 2; i++)
                {
                    v.Load(Weight(i), Weights(step, pair + i));
                    v.Xor(Weight(i), Last);
                    v.Magnitudes(Weight(2 + i), Weight(i));
                }
                for (int row = 0; row < rows; row++)
                {
                    LoadActivations(X, row, step);
                    for (int i = 0; i < 2; i++)
                    {
                        v.TakeSigns(Products, X, Weight(i));
                        v.MultiplyPairs(Products, Weight(2 + i), Products);
                        v.WidenPairs(Products, Ones);
                        v.AddInt32(Sum(row, pair + i), Products);
                    }
                }
            }
        }

        private void AddScaled(int group)
        {
            (int minimum, int start) = v.HasInt8Dots ? (29, 30) : (11, 10);
            for (int row = 0; row < rows; row++)
            {
                if (Sums16 && HasOffset)
                    LoadStart(start, row, group);
                v.BroadcastSingle(X, Activations(row, nameof(ActivationBlock.Scale)));
                if (TQuants.Scaling == Int8Scaling.Affine)
                {
                    v.BroadcastSingle(minimum, Activations(row, nameof(ActivationBlock.ScaledSum)));
                }
                else if (TQuants.Scaling == Int8Scaling.AffineHalfBlock)
                {
                    // Minus d times the sum of the group's q.
                    LoadNegatedSum(minimum, row, group);
                    v.ToSingle(minimum);
                    v.Multiply(minimum, minimum, X);
                }
                for (int vector = 0; vector < _vectors; vector++)
                {
                    int sum = Sum(row, vector);
                    if (Sums16)
                        v.WidenPairs(sum, Ones);
                    if (Sums16 && HasOffset)
                        v.AddInt32(sum, start);
                    v.ToSingle(sum);
                    v.Multiply(Products, X, Scales(group, vector));
                    int total = v.HasInt8Dots ? Total(row, vector) : sum;
                    if (v.HasInt8Dots)
                        v.AddProduct(total, sum, Products, negated: false);
                    else
                        v.MultiplyAdd(total, Products, TotalInMemory(row, vector));
                    if (TQuants.Scaling.IsAffine())
                        v.AddProduct(total, minimum, Scales(_groups + group, vector), negated: TQuants.Scaling == Int8Scaling.Affine);
                    if (!v.HasInt8Dots)
                        v.Store(TotalInMemory(row, vector), total);
                }
            }
        }

        private void LoadActivations(int x, int row, int step) =>
            v.BroadcastInt32(x, Activations(row, nameof(ActivationBlock.Quants)) + (step * 4));

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

        private AssemblerMemoryOperand Weights(int step, int vector) => r9 + ((step * PackedBlocks.StepBytes) + (vector * v.Bytes));

        private AssemblerMemoryOperand Scales(int group, int vector) => r10 + ((group * Int8Tile.Columns * sizeof(float)) + (vector * v.Bytes));

        private static AssemblerMemoryOperand Field(string name) => __qword_ptr[rcx + (int)Marshal.OffsetOf<Int8TileArguments>(name)];

        private void ForSums(Action<int, int> emit)
        {
            for (int row = 0; row < rows; row++)
            {
                for (int vector = 0; vector < _vectors; vector++)
                    emit(row, vector);
            }
        }

        private int Sum(int row, int vector) => (row * _vectors) + vector;

        private int Total(int row, int vector) => (rows * _vectors) + Sum(row, vector);

        private AssemblerMemoryOperand TotalInMemory(int row, int vector) =>
            r11 + ((row * Int8Tile.Columns * sizeof(float)) + (vector * v.Bytes));

        private int Weight(int vector) => (v.HasInt8Dots ? 24 : 8) + vector;
    }
}
