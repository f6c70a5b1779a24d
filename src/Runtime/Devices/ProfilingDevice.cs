using System.Diagnostics;
using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>
/// A device that has another one do everything, waits for each operation and logs how long it took and what it cost. Because
/// it waits, a device that overlaps operations is slower under it.
/// </summary>
/// <param name="inner">The device that computes; disposed with this one.</param>
/// <param name="log">Where the operations are recorded.</param>
public sealed class ProfilingDevice(Device inner, OperationLog log) : Device
{
    /// <summary>Elements of a row that a norm reads: (x - mean)², (x - mean) / deviation * weight + bias.</summary>
    private const int LayerNormOperations = 7;

    private const int RmsNormOperations = 4;

    /// <summary>e^-gate, its negation, 1 +, /, * up for two elements of a joined row, rounded up.</summary>
    private const int SwiGluOperations = 3;

    private int[] _positions = [];
    private int[] _sequences = [];

    /// <inheritdoc/>
    public override string Name => inner.Name;

    /// <inheritdoc/>
    public override int PagePositions => inner.PagePositions;

    /// <inheritdoc/>
    public override long? FreeBytes => inner.FreeBytes;

    /// <inheritdoc/>
    public override Tensor Allocate(ElementType type, int rows, int columns) => inner.Allocate(type, rows, columns);

    /// <inheritdoc/>
    public override KvElement UsualKvElement => inner.UsualKvElement;

    /// <inheritdoc/>
    public override KvPool AllocateKv(KvShape shape, int pages) => inner.AllocateKv(shape, pages);

    /// <inheritdoc/>
    public override RopeTable BuildRope(float theta, int headDim, int positions) => inner.BuildRope(theta, headDim, positions);

    /// <inheritdoc/>
    public override DotProducts DotProductsOf(Weight weight, int rows) => inner.DotProductsOf(weight, rows);

    /// <inheritdoc/>
    public override Weight LoadWeight(IReadOnlyList<StoredTensor> parts) => inner.LoadWeight(parts);

    /// <inheritdoc/>
    public override Weight LoadTable(StoredTensor part) => inner.LoadTable(part);

    /// <inheritdoc/>
    public override void Write<T>(TensorView destination, ReadOnlySpan<T> values)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Write(destination, values);
        Done(nameof(Write), start, destination, destination, new(0, BytesOf(values)));
    }

    /// <inheritdoc/>
    public override void Read<T>(TensorView source, Span<T> values)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Read(source, values);
        Done(nameof(Read), start, source, source, new(0, BytesOf<T>(values)));
    }

    /// <inheritdoc/>
    public override void Copy(TensorView source, TensorView destination)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Copy(source, destination);
        Done(nameof(Copy), start, source, destination, OperationCost.Move(source) + OperationCost.Move(source));
    }

    /// <inheritdoc/>
    public override void GatherRows(TensorView source, TensorView indices, TensorView output)
    {
        long start = Stopwatch.GetTimestamp();
        inner.GatherRows(source, indices, output);
        Done(nameof(GatherRows), start, output, output, OperationCost.Move(output) + OperationCost.Move(output));
    }

    /// <inheritdoc/>
    public override void EmbedTokens(Weight table, TensorView ids, TensorView output)
    {
        ArgumentNullException.ThrowIfNull(table);
        long start = Stopwatch.GetTimestamp();
        inner.EmbedTokens(table, ids, output);
        double read = (double)table.ByteLength / table.Rows * ids.Rows;
        Done(nameof(EmbedTokens), start, output, output, OperationCost.Move(output) + new OperationCost(0, read));
    }

    /// <inheritdoc/>
    public override void CropResize(TensorView picture, in ResampleGeometry geometry, Tensor levels, TensorView resized, TensorView pixels)
    {
        long start = Stopwatch.GetTimestamp();
        inner.CropResize(picture, geometry, levels, resized, pixels);
        Done(nameof(CropResize), start, picture, resized, OperationCost.CropResize(geometry, resized, pixels));
    }

    /// <inheritdoc/>
    public override void ExtractPatches(TensorView pixels, int side, int patch, TensorView patches)
    {
        long start = Stopwatch.GetTimestamp();
        inner.ExtractPatches(pixels, side, patch, patches);
        Done(nameof(ExtractPatches), start, patches, patches, OperationCost.Move(patches) + OperationCost.Move(patches));
    }

    /// <inheritdoc/>
    public override void LayerNorm(TensorView x, Tensor weight, Tensor bias, float epsilon, TensorView output)
    {
        long start = Stopwatch.GetTimestamp();
        inner.LayerNorm(x, weight, bias, epsilon, output);
        Done(nameof(LayerNorm), start, x, output, OperationCost.RowWise(x, output, LayerNormOperations));
    }

    /// <inheritdoc/>
    public override void RmsNorm(TensorView x, Tensor weight, float epsilon, TensorView output)
    {
        long start = Stopwatch.GetTimestamp();
        inner.RmsNorm(x, weight, epsilon, output);
        Done(nameof(RmsNorm), start, x, output, OperationCost.RowWise(x, output, RmsNormOperations));
    }

    /// <inheritdoc/>
    public override void MatMul(
        TensorView x, Weight weight, TensorView output, Tensor? bias, MatMulActivation activation, TensorView? residual)
    {
        long start = Stopwatch.GetTimestamp();
        inner.MatMul(x, weight, output, bias, activation, residual);
        Done(nameof(MatMul), start, x, output, OperationCost.MatMul(x, weight, bias, residual).In(inner.DotProductsOf(weight, x.Rows)));
    }

    /// <inheritdoc/>
    public override void MatMulRows(TensorView x, Weight weight, TensorView rows, TensorView output)
    {
        ArgumentNullException.ThrowIfNull(weight);
        long start = Stopwatch.GetTimestamp();
        inner.MatMulRows(x, weight, rows, output);
        Done(nameof(MatMulRows), start, x, output, OperationCost.MatMulRows(x, weight, rows).In(inner.DotProductsOf(weight, x.Rows)));
    }

    /// <inheritdoc/>
    public override void SwiGlu(TensorView gateUp, TensorView output)
    {
        long start = Stopwatch.GetTimestamp();
        inner.SwiGlu(gateUp, output);
        Done(nameof(SwiGlu), start, gateUp, output, OperationCost.RowWise(gateUp, output, SwiGluOperations));
    }

    /// <inheritdoc/>
    public override void RopeAppend(TensorView qkv, in RaggedRows rows, RopeTable rope, KvPool pool, int layer)
    {
        ArgumentNullException.ThrowIfNull(pool);
        long start = Stopwatch.GetTimestamp();
        inner.RopeAppend(qkv, rows, rope, pool, layer);
        Done(nameof(RopeAppend), start, qkv, qkv, OperationCost.RopeAppend(qkv, pool.Shape));
    }

    /// <inheritdoc/>
    public override void Attention(TensorView qkv, in RaggedRows rows, KvPool pool, int layer, TensorView output)
    {
        ArgumentNullException.ThrowIfNull(pool);
        if (_positions.Length < qkv.Rows)
        {
            _positions = new int[qkv.Rows];
            _sequences = new int[qkv.Rows];
        }
        Span<int> positions = _positions.AsSpan(0, qkv.Rows);
        Span<int> sequences = _sequences.AsSpan(0, qkv.Rows);
        inner.Read(rows.Positions, positions);
        inner.Read(rows.Sequences, sequences);
        OperationCost cost = OperationCost.Attention(positions, sequences, output, pool.Shape);
        long start = Stopwatch.GetTimestamp();
        inner.Attention(qkv, rows, pool, layer, output);
        Done(nameof(Attention), start, qkv, output, cost);
    }

    /// <inheritdoc/>
    public override void FullAttention(TensorView qkv, int rowsPerPicture, int heads, TensorView output)
    {
        long start = Stopwatch.GetTimestamp();
        inner.FullAttention(qkv, rowsPerPicture, heads, output);
        Done(nameof(FullAttention), start, qkv, output, OperationCost.FullAttention(qkv, rowsPerPicture, output));
    }

    /// <inheritdoc/>
    public override void CopyPage(KvPool pool, int source, int destination, int positions)
    {
        ArgumentNullException.ThrowIfNull(pool);
        long start = Stopwatch.GetTimestamp();
        inner.CopyPage(pool, source, destination, positions);
        int width = 2 * pool.Shape.Layers * pool.Shape.KvHeads * pool.Shape.HeadDim;
        Log(nameof(CopyPage), start, new OperationShape(positions, width, width), OperationCost.CopyPage(pool.Shape, positions));
    }

    /// <inheritdoc/>
    public override void ArgMax(TensorView logits, TensorView ids)
    {
        long start = Stopwatch.GetTimestamp();
        inner.ArgMax(logits, ids);
        Done(nameof(ArgMax), start, logits, ids, OperationCost.RowWise(logits, ids, 1));
    }

    /// <inheritdoc/>
    public override void TopK(TensorView logits, TensorView values, TensorView ids)
    {
        long start = Stopwatch.GetTimestamp();
        inner.TopK(logits, values, ids);
        Done(nameof(TopK), start, logits, values, OperationCost.RowWise(logits, values, 1) + OperationCost.Move(ids));
    }

    /// <inheritdoc/>
    public override void Dispose() => inner.Dispose();

    private static unsafe double BytesOf<T>(ReadOnlySpan<T> values)
        where T : unmanaged => (double)values.Length * sizeof(T);

    /// <summary>Waits until <paramref name="output"/> is computed, by reading a byte of it, and records the operation.</summary>
    private void Done(string name, long start, TensorView input, TensorView output, OperationCost cost)
    {
        inner.Read(output, stackalloc byte[output.Rows > 0 ? 1 : 0]);
        Log(name, start, new OperationShape(input.Rows, input.Columns, output.Columns), cost);
    }

    private void Log(string name, long start, OperationShape shape, OperationCost cost) =>
        log.Add(new OperationRecord(name, shape, start, Stopwatch.GetElapsedTime(start), cost));
}
