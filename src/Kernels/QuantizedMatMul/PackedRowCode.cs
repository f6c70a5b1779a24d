using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using ChainOfSpot.Kernels.MachineCode;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace ChainOfSpot.Kernels;

/// <summary>The operands of <see cref="PackedRowCode"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct PackedRowArguments
{
    /// <summary>For the callee.</summary>
    public SavedRegisters Saved;

    /// <summary>The blocks of the row of activations.</summary>
    public ActivationBlock* A;

    /// <summary>The first panel.</summary>
    public byte* Weights;

    /// <summary>Bytes from a panel to the next.</summary>
    public nint PanelStep;

    /// <summary>Panels, at least one.</summary>
    public long Panels;

    /// <summary>Packed blocks of a panel, at least one; written.</summary>
    public long Blocks;

    /// <summary>[panel][column]; read and written.</summary>
    public float* Sums;

    /// <summary>Integer sums of the first groups of blocks that have two, [block][column], for the callee.</summary>
    public fixed int FirstGroups[4 * Int8Tile.Columns];
}

/// <summary>
/// The int8 product of one row of activations with several panels of packed weights: the sums that <see cref="Int8TileArguments"/>
/// defines, in the same order, with quants taken out of the packed blocks in registers. Panels of small blocks are passed over side by
/// side, a block of each at a time, so that the memory serves as many streams of one core. Every byte is read once and, what a core reads
/// ahead by itself depends on it, in the order in which it lies: blocks whose quants share bytes are multiplied together, as far as the
/// registers hold their sums.
/// <para>AVX512-VNNI multiplies quants as they are; AVX2 adds pairs of products in 16 bits, as many as these hold, and takes signed
/// bytes where quants have eight bits.</para>
/// </summary>
public static class PackedRowCode
{
    /// <summary>The most panels that are passed over side by side.</summary>
    public const int MostPanels = 2;

    private const int Steps = ActivationBlock.Length / 4;
    private const int CacheLine = 64;
    private const uint EveryByte = 0x01010101;

    /// <summary>How far ahead weights are prefetched.</summary>
    private const int BytesAhead = 1152;

    /// <summary>
    /// Panels of a type that are passed over side by side: one where a packed block covers several pages of memory itself.
    /// </summary>
    internal static int PanelsTogether(ElementType type) => PackedPanels.BlockLength(type) == ActivationBlock.Length ? MostPanels : 1;

    /// <summary>The bits of vectors, at most so many, for which this CPU runs the code; 0 for none.</summary>
    public static int VectorBits(int most) => Int8Assembler.WidestBits(most);

    /// <summary>Assembles the function: void f(PackedRowArguments*).</summary>
    /// <param name="type">How the weights are stored.</param>
    /// <param name="vectorBits">512 for AVX512-VNNI, 256 for AVX2.</param>
    /// <param name="convention">How it is called.</param>
    /// <returns>The code; empty for types that are multiplied by the tile alone.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The type cannot be packed.</exception>
    public static byte[] Assemble(ElementType type, int vectorBits, CallConvention convention)
    {
        var assembly = new Assembly(vectorBits, convention);
        PackedFormats.Use(type, ref assembly);
        return assembly.Code;
    }

    private struct Assembly(int vectorBits, CallConvention convention) : IPackedFormatUse
    {
        public byte[] Code { get; private set; } = [];

        public void With<TFormat>()
            where TFormat : IPackedFormat
        {
            int bits = vectorBits;
            if (TFormat.Layout is { } layout)
                Code = MachineFunction.Assemble(convention, assembler => new Body<TFormat>(new PackedRowVectors(assembler, bits), layout).Emit());
        }
    }

    /// <summary>
    /// rax: activations of a block; rdx: weights of a panel; r8: bytes between panels; r9: weights of the first; r10: panels left; r11:
    /// sums of a panel.
    /// </summary>
    private sealed class Body<TFormat>(PackedRowVectors v, PackedLayout layout)
        where TFormat : IPackedFormat
    {
        private readonly Assembler _assembler = v.Assembler;
        private readonly int _groups = TFormat.Scaling.Groups();
        private readonly bool _affine = TFormat.Scaling == Int8Scaling.Affine;

        /// <summary>Blocks whose sums the registers hold at once: one of AVX2.</summary>
        private readonly int _together = Math.Min(layout.BlocksTogether, v.SumCount / v.Count);

        private readonly int _blocks = TFormat.Length / ActivationBlock.Length;

        /// <summary>Steps whose products 16 bits hold.</summary>
        private readonly int _run = Int8Assembler.PairsIn16Bits(TFormat.LargestQuant);

        private readonly HashSet<int> _prefetched = [];

        /// <summary>Whether sums stay in 16 bits for a whole block.</summary>
        private bool Sums16 => !v.HasInt8Dots && _run == Steps;

        public void Emit()
        {
            LoadConstants();
            Label packedBlock = _assembler.CreateLabel();
            _assembler.Label(ref packedBlock);
            _assembler.mov(rdx, r9);
            _assembler.mov(r10, Field(nameof(PackedRowArguments.Panels)));
            _assembler.mov(r11, Field(nameof(PackedRowArguments.Sums)));
            Label panel = _assembler.CreateLabel();
            _assembler.Label(ref panel);
            for (int block = 0; block < _blocks; block += _together)
            {
                TouchLines(block);
                Multiply(block);
                // Groups are added in ascending order, as everywhere.
                for (int group = 0; group < _together * _groups; group++)
                    AddScaled(block, group / _groups, group % _groups);
            }
            _assembler.add(rdx, r8);
            _assembler.add(r11, Int8Tile.Columns * sizeof(float));
            _assembler.dec(r10);
            _assembler.jne(panel);
            _assembler.add(rax, _blocks * Marshal.SizeOf<ActivationBlock>());
            _assembler.add(r9, TFormat.Bytes);
            _assembler.dec(Field(nameof(PackedRowArguments.Blocks)));
            _assembler.jne(packedBlock);
        }

        private void LoadConstants()
        {
            _assembler.mov(rax, Field(nameof(PackedRowArguments.A)));
            _assembler.mov(r8, Field(nameof(PackedRowArguments.PanelStep)));
            _assembler.mov(r9, Field(nameof(PackedRowArguments.Weights)));
            if (layout.Levels is { } levels)
                v.LoadTable(v.Levels, [.. levels.Select(level => (byte)(level ^ (v.HasInt8Dots ? 0x80 : 0)))]);
            if (layout.Low(0, 0).Mask is var mask and not 0xff)
                v.Fill(v.LowMask, mask * EveryByte);
            else if (!v.HasInt8Dots)
                v.Fill(v.LowMask, 0x80 * EveryByte);
            if (layout.High is { } high)
                v.Fill(v.HighMask, (uint)(high(0, 0).Mask << layout.HighBit) * EveryByte);
            if (!v.HasInt8Dots)
                v.FillOnes(v.Ones);
        }

        /// <summary>The integer sums of blocks, but for what <see cref="AddScaled"/> adds to all of a group.</summary>
        private void Multiply(int block)
        {
            Clear();
            int run = v.HasInt8Dots || Sums16 ? 1 : Math.Min(_run, Steps / _groups);
            for (int step = 0; step < Steps; step += run)
            {
                if (_groups == 2 && step == Steps / 2)
                    KeepFirstGroups();
                if (v.HasInt8Dots)
                    MultiplyStep(block, step);
                else if (Sums16)
                    MultiplyStep16(block, step);
                else
                    MultiplyRun(block, step, run);
            }
            for (int i = 0; Sums16 && i < _together * v.Count; i++)
                v.WidenPairs(i, v.Ones);
        }

        /// <summary>
        /// Reads what is needed later than it lies, scales and factors behind quants, once in ascending order: the CPU fetches ahead only
        /// what is read so. With it all that blocks hold whose first one would skip some of it.
        /// </summary>
        private void TouchLines(int block)
        {
            if (block % layout.BlocksTogether != 0)
                return;
            int start = block == 0 ? 0 : layout.Factor!(block * _groups);
            int next = block + layout.BlocksTogether;
            bool skips = _together < layout.BlocksTogether && layout.Low(block + 1, 0).Offset != layout.Low(block, 0).Offset;
            int end = !skips ? layout.Low(block, 0).Offset : next < _blocks ? layout.Factor!(next * _groups) : TFormat.Bytes;
            for (int offset = start; offset < end; offset += CacheLine)
            {
                _assembler.test(__byte_ptr[rdx + offset], al);
                Prefetch(offset);
            }
        }

        /// <summary>Asks for the line that lies <see cref="BytesAhead"/> behind the one that is read, once for each.</summary>
        private void Prefetch(int offset)
        {
            if (_prefetched.Add(offset / CacheLine))
                _assembler.prefetcht1(__byte_ptr[rdx + (offset / CacheLine * CacheLine) + BytesAhead]);
        }

        private void Clear()
        {
            for (int i = 0; i < _together * v.Count; i++)
                v.Clear(i);
        }

        private void KeepFirstGroups()
        {
            for (int i = 0; i < _together * v.Count; i++)
                v.Store(FirstGroup(i), i);
            Clear();
        }

        private void MultiplyStep(int block, int step)
        {
            for (int i = 0; i < _together; i++)
                LoadActivations(block, i, step);
            for (int vector = 0; vector < v.Count; vector++)
            {
                for (int i = 0; i < _together; i++)
                {
                    LoadQuants(block + i, step, vector);
                    v.AddDots(Sum(i, vector), v.Quants, v.X(i));
                }
            }
        }

        /// <summary>Adds products of a step to sums of 16 bits.</summary>
        private void MultiplyStep16(int block, int step)
        {
            LoadActivations(block, 0, step);
            for (int vector = 0; vector < v.Count; vector++)
            {
                LoadQuants(block, step, vector);
                v.MultiplyPairs(v.Quants, v.Quants, v.X(0));
                v.AddInt16(Sum(0, vector), v.Quants);
            }
        }

        /// <summary>Adds products of some steps in 16 bits, vector by vector, before they are added in 32.</summary>
        private void MultiplyRun(int block, int step, int run)
        {
            for (int vector = 0; vector < v.Count; vector++)
            {
                for (int i = 0; i < run; i++)
                {
                    LoadActivations(block, 0, step + i);
                    LoadQuants(block, step + i, vector);
                    int products = i == 0 ? v.Pairs : v.Quants;
                    if (TFormat.LargestQuant == 255)
                        MultiplySignedPairs(products, v.X(0));
                    else
                        v.MultiplyPairs(products, v.Quants, v.X(0));
                    if (i > 0)
                        v.AddInt16(v.Pairs, products);
                }
                v.WidenPairs(v.Pairs, v.Ones);
                v.AddInt32(Sum(0, vector), v.Pairs);
            }
        }

        private void MultiplySignedPairs(int products, int x)
        {
            v.TakeSigns(products, x, v.Quants);
            v.Magnitudes(v.Quants, v.Quants);
            v.MultiplyPairs(products, v.Quants, products);
        }

        private void LoadActivations(int block, int i, int step) =>
            v.BroadcastInt32(v.X(i), Activations(block + i, nameof(ActivationBlock.Quants), step * 4));

        private int Sum(int i, int vector) => (i * v.Count) + vector;

        private void LoadQuants(int block, int step, int vector)
        {
            BitPlace low = layout.Low(block, step);
            Prefetch(low.Offset + (vector * v.Bytes));
            v.LoadBits(v.Quants, Weights(low.Offset + (vector * v.Bytes)), low.Shift, low.Mask == 0xff ? null : v.LowMask);
            if (layout.High is { } high)
            {
                BitPlace place = high(block, step);
                Prefetch(place.Offset + (vector * v.Bytes));
                v.LoadBits(v.Upper, Weights(place.Offset + (vector * v.Bytes)), place.Shift - layout.HighBit, v.HighMask);
                v.Or(v.Quants, v.Upper);
            }
            if (layout.Levels != null)
                v.LookUp(v.Quants, v.Levels);
            else if (low.Mask == 0xff && !v.HasInt8Dots)
                v.Xor(v.Quants, v.LowMask);
        }

        /// <summary>total = fma(float(sum - offset · ∑q), scale · d, total), then the minima.</summary>
        private void AddScaled(int block, int i, int group)
        {
            int number = ((block + i) * _groups) + group;
            // Signed bytes have no offset.
            bool hasOffset = !_affine && (v.HasInt8Dots || TFormat.LargestQuant < 255);
            if (hasOffset)
            {
                LoadNegatedSum(v.X(0), block + i, group);
                v.ShiftLeft32(v.X(0), TFormat.OffsetShift);
            }
            v.BroadcastSingle(v.D, Activations(block + i, nameof(ActivationBlock.Scale)));
            if (_affine)
                v.BroadcastSingle(v.Upper, Activations(block + i, nameof(ActivationBlock.ScaledSum)));
            for (int vector = 0; vector < v.Count; vector++)
            {
                int sum = Sum(i, vector);
                if (_groups == 2 && group == 0)
                {
                    // The second group's sums stay where they are.
                    v.Load(v.Upper, FirstGroup(sum));
                    sum = v.Upper;
                }
                AssemblerMemoryOperand total = r11 + (vector * v.Bytes);
                if (hasOffset)
                    v.AddInt32(sum, v.X(0));
                v.ToSingle(sum);
                LoadScale(0, layout.Factor?.Invoke(number), vector);
                v.Multiply(v.Scale, v.Scale, v.D);
                v.MultiplyAdd(sum, v.Scale, total);
                if (_affine)
                {
                    LoadScale(PackedBlocks.HalvesBytes, layout.MinimumFactor?.Invoke(number), vector);
                    v.AddProduct(sum, v.Scale, v.Upper, negated: !layout.AddsMinima);
                }
                v.Store(total, sum);
            }
        }

        private void LoadNegatedSum(int destination, int block, int group)
        {
            bool firstOfTwo = _groups == 2 && group == 0;
            v.BroadcastInt32(
                destination, Activations(block, firstOfTwo ? nameof(ActivationBlock.NegatedFirstSum) : nameof(ActivationBlock.NegatedSum)));
            if (group == 1)
            {
                v.BroadcastInt32(v.Scale, Activations(block, nameof(ActivationBlock.NegatedFirstSum)));
                v.SubtractInt32(destination, v.Scale);
            }
        }

        /// <summary>Scale = the binary16 of each column, times its factor.</summary>
        private void LoadScale(int halves, int? factor, int vector)
        {
            v.WidenHalves(v.Scale, Weights(halves + (vector * v.Bytes / 2)));
            if (factor is not { } place)
                return;
            v.WidenBytes(v.Factor, Weights(place + (vector * v.Bytes / 4)));
            v.ToSingle(v.Factor);
            v.Multiply(v.Scale, v.Scale, v.Factor);
        }

        private static AssemblerMemoryOperand Weights(int offset) => rdx + offset;

        private static AssemblerMemoryOperand Activations(int block, string field, int offset = 0) =>
            rax + ((block * Marshal.SizeOf<ActivationBlock>()) + (int)Marshal.OffsetOf<ActivationBlock>(field) + offset);

        private AssemblerMemoryOperand FirstGroup(int sum) =>
            rcx + ((int)Marshal.OffsetOf<PackedRowArguments>(nameof(PackedRowArguments.FirstGroups)) + (sum * v.Bytes));

        private static AssemblerMemoryOperand Field(string name) => __qword_ptr[rcx + (int)Marshal.OffsetOf<PackedRowArguments>(name)];
    }
}
