using System.Reflection;
using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;

namespace ChainOfSpot.Kernels.Gpu;

/// <summary>
/// Instructions of NVIDIA GPUs from sm_80 on that C# has no word for. Only kernels that CUDA alone runs may use them: OpenCL does
/// not compile them. What they do here is what ILGPU's CPU accelerator runs.
/// </summary>
public static unsafe class GpuInstructions
{
    /// <summary>Makes the instructions known to a context's PTX compiler.</summary>
    /// <param name="builder">The context's.</param>
    public static void Register(Context.Builder builder)
    {
        IntrinsicImplementationManager intrinsics = IRContextExtensions.GetIntrinsicManager(builder);
        foreach (MethodInfo method in typeof(GpuInstructions).GetMethods(BindingFlags.NonPublic | BindingFlags.Static))
        {
            if (method.IsDefined(typeof(PtxAttribute)))
                intrinsics.RegisterMethod(method, Generated(nameof(WriteInstruction)));
        }
        intrinsics.RegisterMethod(Method(nameof(SharedAddress)), Generated(nameof(WriteSharedAddress)));
    }

    /// <summary>
    /// c + a b of a warp: a [16, 16] and b [16, 8] fp16 and c [16, 8] fp32 in the registers that <see cref="MatMulFragments"/> says.
    /// </summary>
    [IntrinsicImplementation, Ptx("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {$0,$1,$2,$3},{$8,$9,$10,$11},{$12,$13},{$4,$5,$6,$7};")]
    internal static GpuFloat4 MultiplyAdd(GpuFloat4 c, GpuUInt4 a, GpuUInt2 b) => WarpSimulation.MultiplyAdd(c, a, b);

    /// <summary>Four 8 x 8 matrices of 16-bit numbers; lane 8 i + r gives the address of row r of matrix i.</summary>
    [IntrinsicImplementation, Ptx("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {$0,$1,$2,$3}, [$4];")]
    internal static GpuUInt4 LoadMatrices(int shared) => WarpSimulation.LoadMatrices(shared);

    /// <summary>As <see cref="LoadMatrices"/>, each matrix transposed.</summary>
    [IntrinsicImplementation, Ptx("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {$0,$1,$2,$3}, [$4];")]
    internal static GpuUInt4 LoadMatricesTransposed(int shared) => WarpSimulation.LoadMatricesTransposed(shared);

    /// <summary>Starts to copy 16 bytes to shared memory, past the first cache.</summary>
    [IntrinsicImplementation, Ptx("cp.async.cg.shared.global.L2::128B [$0], [$1], 16;")]
    internal static void CopyAsync(int shared, long global) => WarpSimulation.CopyAsync(shared, global);

    /// <summary>Puts the copies since the last call into a group.</summary>
    [IntrinsicImplementation, Ptx("cp.async.commit_group;")]
    internal static void CommitCopies() => WarpSimulation.CommitCopies();

    /// <summary>Waits until all groups of this thread's copies but the last have arrived.</summary>
    [IntrinsicImplementation, Ptx("cp.async.wait_group 1;")]
    internal static void WaitForAllButOne() => WarpSimulation.WaitForCopies(1);

    /// <summary>Waits until all groups of this thread's copies but the last two have arrived.</summary>
    [IntrinsicImplementation, Ptx("cp.async.wait_group 2;")]
    internal static void WaitForAllButTwo() => WarpSimulation.WaitForCopies(2);

    /// <summary>Waits until this thread's copies have arrived.</summary>
    [IntrinsicImplementation, Ptx("cp.async.wait_group 0;")]
    internal static void WaitForAll() => WarpSimulation.WaitForCopies(0);

    /// <summary>Two fp16 numbers, rounded to nearest even.</summary>
    [IntrinsicImplementation, Ptx("cvt.rn.f16x2.f32 $0, $2, $1;")]
    internal static uint Halves(float low, float high) => WarpSimulation.Halves(low, high);

    /// <summary>The same; what is beyond the largest fp16 number becomes it.</summary>
    internal static uint ClampedHalves(float low, float high)
    {
        const float Largest = 65504;
        return Halves(MathF.Max(MathF.Min(low, Largest), -Largest), MathF.Max(MathF.Min(high, Largest), -Largest));
    }

    /// <summary>The fp16 number in the lower half of a word.</summary>
    [IntrinsicImplementation, Ptx("{ .reg .b16 low, high; mov.b32 {low, high}, $1; cvt.f32.f16 $0, low; }")]
    internal static float WidenLow(uint pair) => WarpSimulation.Widen(pair);

    /// <summary>The fp16 number in the upper half of a word.</summary>
    [IntrinsicImplementation, Ptx("{ .reg .b16 low, high; mov.b32 {low, high}, $1; cvt.f32.f16 $0, high; }")]
    internal static float WidenHigh(uint pair) => WarpSimulation.Widen(pair >> 16);

    /// <summary>The address of an element of shared memory, as instructions on shared memory want it.</summary>
    [IntrinsicImplementation]
    internal static int SharedAddress<T>(ref T element)
        where T : unmanaged => WarpSimulation.SharedAddress(Unsafe.AsPointer(ref element));

    private static PTXIntrinsic Generated(string writer) => new(Method(writer), IntrinsicImplementationMode.GenerateCode);

    private static MethodInfo Method(string name) =>
        typeof(GpuInstructions).GetMethod(name, BindingFlags.NonPublic | BindingFlags.Static)!;

    private static void WriteInstruction(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        var call = (MethodCall)value;
        string text = Method(call.Target.Source.Name).GetCustomAttribute<PtxAttribute>()!.Text;
        var registers = new List<PTXCodeGenerator.PrimitiveRegister>();
        if (!call.Type.IsVoidType)
            AddFields(generator.Allocate(call), registers);
        for (int i = 0; i < call.Count; i++)
            AddFields(generator.Load(call[i]), registers);
        // From the last on, because $1 begins $10.
        for (int i = registers.Count - 1; i >= 0; i--)
            text = text.Replace($"${i}", Name(generator.EnsureHardwareRegister(registers[i])), StringComparison.Ordinal);
        generator.Builder.Append('\t').AppendLine(text);
    }

    private static void WriteSharedAddress(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        var call = (MethodCall)value;
        string element = Name(generator.LoadHardware(call[0]));
        string address = Name((PTXCodeGenerator.HardwareRegister)generator.Allocate(call));
        bool isShared = ((ILGPU.IR.Types.AddressSpaceType)call[0].Type).AddressSpace == MemoryAddressSpace.Shared;
        generator.Builder.Append('\t').AppendLine(isShared
            ? $"cvt.u32.u64 {address}, {element};"
            : $"{{ .reg .u64 t; cvta.to.shared.u64 t, {element}; cvt.u32.u64 {address}, t; }}");
    }

    private static string Name(PTXCodeGenerator.HardwareRegister register) => "%" + PTXCodeGenerator.GetStringRepresentation(register);

    private static void AddFields(PTXCodeGenerator.Register register, List<PTXCodeGenerator.PrimitiveRegister> fields)
    {
        if (register is PTXCodeGenerator.PrimitiveRegister field)
            fields.Add(field);
        else if (register is PTXCodeGenerator.CompoundRegister structure)
        {
            foreach (PTXCodeGenerator.Register child in structure.Children)
                AddFields(child, fields);
        }
    }
}
