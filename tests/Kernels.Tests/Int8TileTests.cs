using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using ChainOfSpot.Kernels.MachineCode;
using Iced.Intel;

namespace ChainOfSpot.Kernels.Tests;

public sealed unsafe class Int8TileTests
{
    private const int Blocks = 5;
    private const int Rows = 4;

    [Theory]
    [InlineData(1)]
    [InlineData(Rows)]
    public void Every_instruction_set_gives_the_same_bits(int rows)
    {
        Check<PackedQ4_0>(rows);
        Check<PackedQ5_0>(rows);
        Check<PackedQ8_0>(rows);
        Check<PackedQ3_K>(rows);
        Check<PackedQ6_K>(rows);
        Check<PackedQ4_K>(rows);
        Check<PackedQ5_K>(rows);
        Check<PackedQ2_K>(rows);

        static void Check<TQuants>(int rows)
            where TQuants : IInt8Quants
        {
            int largest = TQuants.LargestQuant;
            float[] expected = Run<Vector128<byte>, PortableDots128, TQuants>(rows, largest);
            Assert.All(expected.AsSpan(0, rows * Int8Tile.Columns).ToArray(), sum => Assert.NotEqual(0, sum));
            Compare<Vector128<byte>, ByteDots128>(Sse2.IsSupported);
            Compare<Vector256<byte>, ByteDots256>(Avx2.IsSupported);
            Compare<Vector512<byte>, ByteDots512>(Avx512BW.IsSupported);
            Compare<Vector256<byte>, VnniDots256>(AvxVnni.IsSupported);
            Compare<Vector128<byte>, ArmDots128>(Dp.IsSupported);
            Compare<Vector128<byte>, NibbleDots128>(Ssse3.IsSupported && largest <= 15);
            Compare<Vector256<byte>, NibbleDots256>(Avx2.IsSupported && largest <= 15);
            Compare<Vector512<byte>, NibbleDots512>(Avx512BW.IsSupported && largest <= 15);

            void Compare<TVector, TDots>(bool supported)
                where TVector : struct
                where TDots : IInt8Dots<TVector>
            {
                if (supported)
                    NativeBuffer.AssertSameBits(expected, Run<TVector, TDots, TQuants>(rows, largest));
            }
        }
    }

    [Theory]
    [InlineData(CallConvention.SystemV)]
    [InlineData(CallConvention.Windows)]
    public void Assembled_code_changes_only_registers_that_their_convention_lets_them(CallConvention convention)
    {
        Register[] volatiles = [Register.RAX, Register.RCX, Register.RDX, Register.R8, Register.R9, Register.R10, Register.R11];
        ElementType[] types = [.. Enum.GetValues<ElementType>().Where(type => PackedPanels.Supports(type, k: 256))];
        int[] widths = [512, 256];
        IEnumerable<byte[]> tiles = types.SelectMany(type => widths.Select(bits => Int8TileCode.Assemble(type, Int8TileCode.MostRows, bits, convention)));
        IEnumerable<byte[]> rows = types.SelectMany(type => widths.Select(bits => PackedRowCode.Assemble(type, bits, convention)))
            .Where(code => code.Length > 0);
        Assert.Equal(9 + 9, rows.Count());
        foreach (byte[] code in (byte[][])[.. tiles, .. rows])
        {
            var decoder = Decoder.Create(64, code);
            var information = new InstructionInfoFactory();
            var saved = new HashSet<Register>();
            var restored = new HashSet<Register>();
            var touched = new HashSet<Register>();
            while (decoder.IP < (ulong)code.Length)
            {
                Instruction instruction = decoder.Decode();
                Assert.False(instruction.IsInvalid);
                bool movesSaved = instruction.MemoryBase == Register.RCX && instruction.Mnemonic == Mnemonic.Vmovups
                    && instruction.MemoryDisplacement64 < (ulong)sizeof(SavedRegisters);
                if (movesSaved && instruction.Op0Kind == OpKind.Memory)
                {
                    Assert.DoesNotContain(instruction.Op1Register, touched);
                    saved.Add(instruction.Op1Register);
                }
                else if (movesSaved)
                {
                    restored.Add(instruction.Op0Register);
                }
                else if (instruction.Mnemonic is not (Mnemonic.Vzeroupper or Mnemonic.Ret))
                {
                    foreach (UsedRegister used in information.GetInfo(instruction).GetUsedRegisters())
                    {
                        if (used.Access is OpAccess.Read or OpAccess.CondRead or OpAccess.NoMemAccess || used.Register.IsSegmentRegister())
                            continue;
                        if (used.Register.IsVectorRegister())
                            touched.Add(Register.XMM0 + used.Register.GetNumber());
                        else
                            Assert.Contains(used.Register.GetFullRegister(), volatiles);
                    }
                }
            }
            Register[] kept = convention == CallConvention.Windows ? [.. Enumerable.Range(6, 10).Select(i => Register.XMM0 + i)] : [];
            Assert.Equal(kept, saved.Order());
            Assert.Equal(kept, restored.Order());
        }
    }

    private static float[] Run<TVector, TDots, TQuants>(int rows, int largest)
        where TVector : struct
        where TDots : IInt8Dots<TVector>
        where TQuants : IInt8Quants
    {
        var random = new Random(largest);
        using var a = new NativeBuffer<ActivationBlock>(Blocks * Rows);
        for (int n = 0; n < Blocks * Rows; n++)
        {
            ref ActivationBlock block = ref a.Pointer[n];
            block.Scale = 0.25f + random.NextSingle();
            for (int i = 0; i < ActivationBlock.Length; i++)
            {
                // A block of extremes among the random ones: what saturates first.
                int quant = n == 0 || random.Next(4) == 0 ? 127 : random.Next(-127, 128);
                block.Quants[i] = (sbyte)quant;
                block.NegatedSum -= quant;
                block.NegatedFirstSum -= i < ActivationBlock.Length / 2 ? quant : 0;
            }
            block.ScaledSum = block.Scale * -block.NegatedSum;
        }
        using var weights = new NativeBuffer<byte>(Blocks * PackedBlocks.QuantBytes, (byte)largest);
        for (int i = PackedBlocks.QuantBytes; i < weights.Length; i++)
            weights.Pointer[i] = (byte)random.Next(largest + 1);
        using NativeBuffer<float> scales = NativeBuffer.Normal(Blocks * 4 * Int8Tile.Columns, seed: 3);
        using NativeBuffer<float> sums = NativeBuffer.Normal(Rows * Int8Tile.Columns, seed: 4);
        var arguments = new Int8TileArguments
        {
            A = a.Pointer,
            AStride = Blocks * sizeof(ActivationBlock),
            Weights = weights.Pointer,
            WeightStride = PackedBlocks.QuantBytes,
            WeightsEnd = weights.Pointer + weights.Length,
            Scales = scales.Pointer,
            Sums = sums.Pointer,
        };
        Assert.Equal(rows, Int8Tile.Multiply<TVector, TDots, TQuants>(arguments, rows));
        return sums.Span.ToArray();
    }
}
