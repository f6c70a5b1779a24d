using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ChainOfSpot.Kernels;
using ChainOfSpot.Kernels.Lanes;
using ChainOfSpot.Runtime.Platform;
using ChainOfSpot.Runtime.Threads;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>
/// The processor's own cores: the SIMD kernels on a <see cref="ThreadTeam"/>. Operations are done when they return. Weights
/// are multiplied as the checkpoint stores them, without a second copy.
/// </summary>
public abstract class CpuDevice : Device
{
    private readonly AssembledKernels? _assembled;

    private protected CpuDevice(int threads, int vectorBits, Arithmetic arithmetic, AssembledKernels? assembled)
    {
        Team = new ThreadTeam(threads);
        VectorBits = vectorBits;
        Arithmetic = arithmetic;
        _assembled = assembled;
    }

    /// <summary>What the device may round.</summary>
    public Arithmetic Arithmetic { get; }

    /// <summary>Bits of the vector registers that the kernels use.</summary>
    public int VectorBits { get; }

    /// <summary>Threads that share an operation.</summary>
    public int Threads => Team.Threads;

    /// <inheritdoc/>
    public override string Name =>
        $"cpu ({InstructionSet}{(Arithmetic == Arithmetic.Fast ? $", {FastInstructionSets}" : "")}, {Threads} {(Threads == 1 ? "thread" : "threads")})";

    /// <inheritdoc/>
    public override int PagePositions => KvLayout.PagePositions;

    /// <inheritdoc/>
    public override KvElement UsualKvElement => Arithmetic == Arithmetic.Fast ? KvElement.F16 : KvElement.F32;

    /// <summary>The widest vectors that this CPU computes with.</summary>
    public static int WidestVectorBits =>
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;

    /// <summary>The instruction set of these registers.</summary>
    public string InstructionSet => VectorBits switch
    {
        512 => "AVX-512",
        256 => "AVX2",
        _ => Sse2.IsSupported ? "SSE" : "128-bit SIMD",
    };

    private unsafe string FastInstructionSets =>
        $"int8 by {(_assembled is { HasInt8Dots: true } ? "AVX512-VNNI" : QuantizedMatMul.InstructionSet(VectorBits))}{(BFloat16Tiles == null ? "" : ", bf16 by AVX512-BF16")}";

    private protected ThreadTeam Team { get; }

    private protected void AssembleInt8(ElementType type) => _assembled?.AssembleInt8(type);

    private protected nint Float16Rows => _assembled?.Float16Rows ?? 0;

    private protected unsafe Int8TileFunctions* Int8Tiles => _assembled is null ? null : _assembled.Int8Tiles;

    private protected unsafe PackedRowFunctions* PackedRows => _assembled is null ? null : _assembled.PackedRows;

    private protected nint Int8Ceiling => _assembled?.Int8Ceiling ?? 0;

    private protected nint BFloat16Ceiling => _assembled?.BFloat16Ceiling ?? 0;

    private protected unsafe BFloat16TileFunctions* BFloat16Tiles => _assembled is null ? null : _assembled.BFloat16;

    /// <summary>A device on all cores with the widest vectors.</summary>
    /// <param name="threads">Threads that share an operation; 0 for one a core.</param>
    /// <param name="vectorBits">512, 256 or 128 for narrower vectors than the CPU has; 0 for the widest.</param>
    /// <param name="arithmetic">What it may round.</param>
    /// <param name="machineCode">Whether kernels that .NET's intrinsics cannot express may be assembled at run time.</param>
    /// <exception cref="ArgumentOutOfRangeException">A width that this CPU has not, or a negative number of threads.</exception>
    public static CpuDevice Create(int threads = 0, int vectorBits = 0, Arithmetic arithmetic = Arithmetic.Exact, bool machineCode = true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        threads = threads == 0 ? Environment.ProcessorCount : threads;
        vectorBits = vectorBits == 0 ? WidestVectorBits : vectorBits;
        if (vectorBits is not (128 or 256 or 512) || vectorBits > WidestVectorBits)
            throw new ArgumentOutOfRangeException(nameof(vectorBits), vectorBits, $"Expected 128, 256 or 512, at most the {WidestVectorBits} of this CPU.");
        AssembledKernels? assembled = machineCode ? AssembledKernels.Create(arithmetic, vectorBits) : null;
        return vectorBits switch
        {
            512 => new CpuDevice<Vector512<float>, Lanes512>(threads, vectorBits, arithmetic, assembled),
            256 => new CpuDevice<Vector256<float>, Lanes256>(threads, vectorBits, arithmetic, assembled),
            _ => new CpuDevice<Vector128<float>, Lanes128>(threads, vectorBits, arithmetic, assembled),
        };
    }

    /// <summary>Measures what this machine can do at most with the device's vectors and threads; takes about a second.</summary>
    public abstract DeviceCeilings MeasureCeilings();

    /// <inheritdoc/>
    public override Tensor Allocate(ElementType type, int rows, int columns) => new CpuTensor(type, rows, columns);

    /// <inheritdoc/>
    public override KvPool AllocateKv(KvShape shape, int pages) => new CpuKvPool(shape, pages);

    /// <inheritdoc/>
    public override unsafe RopeTable BuildRope(float theta, int headDim, int positions)
    {
        var cosines = new CpuTensor(ElementType.F32, positions, headDim / 2);
        var sines = new CpuTensor(ElementType.F32, positions, headDim / 2);
        int count = positions * (headDim / 2);
        Rope.BuildTable(theta, headDim, positions, new Span<float>(cosines.Data, count), new Span<float>(sines.Data, count));
        return new RopeTable(cosines, sines);
    }

    /// <inheritdoc/>
    public override Weight LoadWeight(IReadOnlyList<StoredTensor> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (Arithmetic == Arithmetic.Fast && parts.All(part => PackedPanels.Supports(part.Type, checked((int)part.Shape[^1]))))
        {
            var packed = new CpuPackedWeight(parts);
            Pack(packed, parts);
            foreach (StoredTensor part in parts)
                OperatingSystemCalls.DropPages(part.Data, (nint)part.ByteLength);
            return packed;
        }
        return LoadTable(parts);
    }

    /// <inheritdoc/>
    public override Weight LoadTable(StoredTensor part) => LoadTable([part]);

    private static CpuWeight LoadTable(IReadOnlyList<StoredTensor> parts)
    {
        var segments = new WeightSegment[parts.Count];
        int columns = 0;
        for (int i = 0; i < parts.Count; i++)
        {
            StoredTensor part = parts[i];
            if (part.Type is ElementType.I32 or ElementType.I64 or ElementType.U8)
                throw new WeightFileException(part.File, $"tensor {part.Name} is {part.Type}; a type of weights was expected.");
            int rows = checked((int)part.Shape[0]);
            columns = checked((int)(part.ElementCount / rows));
            segments[i] = new WeightSegment(part.Data, part.Type, rows, part.PairedHeadDim);
        }
        return new CpuWeight(segments, columns, parts);
    }

    /// <inheritdoc/>
    public override unsafe void Write<T>(TensorView destination, ReadOnlySpan<T> values)
    {
        if ((long)values.Length * sizeof(T) > (long)destination.Rows * RowBytes(destination))
            throw new ArgumentException($"{values.Length} values do not fit {destination.Rows} x {destination.Columns}.", nameof(values));
        values.CopyTo(new Span<T>(Data(destination), values.Length));
    }

    /// <inheritdoc/>
    public override unsafe void Read<T>(TensorView source, Span<T> values)
    {
        if ((long)values.Length * sizeof(T) > (long)source.Rows * RowBytes(source))
            throw new ArgumentException($"{values.Length} values are more than {source.Rows} x {source.Columns}.", nameof(values));
        new ReadOnlySpan<T>(Data(source), values.Length).CopyTo(values);
    }

    /// <inheritdoc/>
    public override unsafe void Copy(TensorView source, TensorView destination)
    {
        long bytes = source.Rows * RowBytes(source);
        Buffer.MemoryCopy(Data(source), Data(destination), destination.Rows * RowBytes(destination), bytes);
    }

    /// <inheritdoc/>
    public override unsafe void CopyPage(KvPool pool, int source, int destination, int positions)
    {
        var cpu = (CpuKvPool)pool;
        for (int layer = 0; layer < pool.Shape.Layers; layer++)
            Kernels.CopyPage.Cpu(cpu.Keys(layer), cpu.Values(layer), pool.Shape.Element, pool.Shape.KvHeads, pool.Shape.HeadDim, source, destination, positions);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        Team.Dispose();
        _assembled?.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Fills the panels of a weight.</summary>
    private protected abstract void Pack(CpuPackedWeight weight, IReadOnlyList<StoredTensor> parts);

    private protected static unsafe byte* Data(TensorView view) => ((CpuTensor)view.Tensor).Data + (view.Row * RowBytes(view));

    private protected static unsafe float* Floats(TensorView view) => (float*)Data(view);

    private protected static unsafe int* Integers(TensorView view) => (int*)Data(view);

    private protected static long RowBytes(TensorView view) => (long)view.Columns * view.Tensor.Type.Size();
}
