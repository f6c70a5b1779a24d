using ChainOfSpot.Kernels;
using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Runtime.Devices;

/// <summary>
/// What a forward pass needs of a processor: memory, and about twenty operations on <see cref="Tensor"/> handles at the grain
/// that a GPU wants. Nothing here knows a model. Operations are enqueued in order; only <see cref="Read{T}"/> waits.
/// A device is used by one thread at a time.
/// </summary>
public abstract class Device : IDisposable
{
    /// <summary>What it is, for people: kind, instruction set or chip, threads.</summary>
    public abstract string Name { get; }

    /// <summary>Positions in a page of its key-value pools.</summary>
    public abstract int PagePositions { get; }

    /// <summary>Bytes that can still be allocated; null where that is the operating system's to say.</summary>
    public virtual long? FreeBytes => null;

    /// <summary>Memory for a matrix; its contents are undefined.</summary>
    /// <exception cref="DeviceMemoryException">The device has not so much memory.</exception>
    public abstract Tensor Allocate(ElementType type, int rows, int columns);

    /// <summary>How its key-value caches are best stored where nobody asks for anything else.</summary>
    public virtual KvElement UsualKvElement => KvElement.F32;

    /// <summary>Memory for <paramref name="pages"/> pages of a key-value cache.</summary>
    /// <exception cref="DeviceMemoryException">The device has not so much memory.</exception>
    /// <exception cref="NotSupportedException">The device has no cache of such elements.</exception>
    public abstract KvPool AllocateKv(KvShape shape, int pages);

    /// <summary>Cosines and sines for positions below <paramref name="positions"/>.</summary>
    public abstract RopeTable BuildRope(float theta, int headDim, int positions);

    /// <summary>
    /// A linear layer whose outputs are those of <paramref name="parts"/> one after the other, each [outputs, inputs].
    /// The parts' memory has to stay until the weight is disposed.
    /// </summary>
    /// <exception cref="WeightFileException">A part is of a type that the device does not multiply.</exception>
    public abstract Weight LoadWeight(IReadOnlyList<StoredTensor> parts);

    /// <summary>A matrix whose rows are looked up by <see cref="EmbedTokens"/>, not multiplied.</summary>
    /// <exception cref="WeightFileException">It is of a type that the device does not widen.</exception>
    public virtual Weight LoadTable(StoredTensor part) => LoadWeight([part]);

    /// <summary>Copies values from the host to the first rows of a view, without waiting for the device.</summary>
    public abstract void Write<T>(TensorView destination, ReadOnlySpan<T> values)
        where T : unmanaged;

    /// <summary>Waits for all that was enqueued and copies a view to the host.</summary>
    public abstract void Read<T>(TensorView source, Span<T> values)
        where T : unmanaged;

    /// <summary>Copies rows of equal type and width.</summary>
    public abstract void Copy(TensorView source, TensorView destination);

    /// <summary>output[r] = source[indices[r]].</summary>
    public abstract void GatherRows(TensorView source, TensorView indices, TensorView output);

    /// <summary>output[r] = table[ids[r]], widened to fp32.</summary>
    public abstract void EmbedTokens(Weight table, TensorView ids, TensorView output);

    /// <summary>Pads, crops, pads, resizes and normalises a picture in one operation; see <see cref="Kernels.CropResize"/>.</summary>
    /// <param name="picture">U8 [height, 3 width], interleaved red, green, blue.</param>
    /// <param name="geometry">What of the picture is read and how large the result is.</param>
    /// <param name="levels">fp32 [3, 256]: the normalised value of every sample of every channel.</param>
    /// <param name="resized">U8 [side, 3 side]: the result before normalising.</param>
    /// <param name="pixels">fp32 [1, 3 side side]: the result, channels first.</param>
    public abstract void CropResize(TensorView picture, in ResampleGeometry geometry, Tensor levels, TensorView resized, TensorView pixels);

    /// <summary>Row i of <paramref name="patches"/> = patch i of the picture in one row of pixels, in the order (channel, y, x).</summary>
    public abstract void ExtractPatches(TensorView pixels, int side, int patch, TensorView patches);

    /// <summary>output = (x - mean) / sqrt(variance + epsilon) * weight + bias, row by row.</summary>
    public abstract void LayerNorm(TensorView x, Tensor weight, Tensor bias, float epsilon, TensorView output);

    /// <summary>output = x / sqrt(mean of squares + epsilon) * weight, row by row.</summary>
    public abstract void RmsNorm(TensorView x, Tensor weight, float epsilon, TensorView output);

    /// <summary>output = activation(x weightᵀ + bias) + residual; residual may be output itself. See <see cref="Kernels.MatMul"/>.</summary>
    public abstract void MatMul(
        TensorView x,
        Weight weight,
        TensorView output,
        Tensor? bias = null,
        MatMulActivation activation = MatMulActivation.None,
        TensorView? residual = null);

    /// <summary>What a product of so many rows with a weight is computed in.</summary>
    public virtual DotProducts DotProductsOf(Weight weight, int rows) => DotProducts.SinglePrecision;

    /// <summary>
    /// output[r, j] = x[r] weight[rows[j]]ᵀ: a linear layer of which only some outputs are needed, with the bits of the whole one.
    /// </summary>
    /// <param name="x">fp32 [rows, inputs].</param>
    /// <param name="weight">The layer.</param>
    /// <param name="rows">I32 [outputs that are wanted, 1]: a few rows of the weight, in any order.</param>
    /// <param name="output">fp32 [rows of x, outputs that are wanted].</param>
    public abstract void MatMulRows(TensorView x, Weight weight, TensorView rows, TensorView output);

    /// <summary>output = silu(gate) * up, of rows that hold gate and up side by side.</summary>
    public abstract void SwiGlu(TensorView gateUp, TensorView output);

    /// <summary>
    /// Rotates the queries of joined rows q|k|v in place, rotates the keys, and appends keys and values to the sequences' pages.
    /// </summary>
    public abstract void RopeAppend(TensorView qkv, in RaggedRows rows, RopeTable rope, KvPool pool, int layer);

    /// <summary>Causal attention of the queries of joined rows q|k|v over all positions of their sequences up to their own.</summary>
    public abstract void Attention(TensorView qkv, in RaggedRows rows, KvPool pool, int layer, TensorView output);

    /// <summary>Attention of every row over all rows of its picture; joined rows q|k|v, pictures of equal size one after the other.</summary>
    public abstract void FullAttention(TensorView qkv, int rowsPerPicture, int heads, TensorView output);

    /// <summary>Copies the first <paramref name="positions"/> positions of a page, all layers, to another page.</summary>
    public abstract void CopyPage(KvPool pool, int source, int destination, int positions);

    /// <summary>ids[r] = the index of the largest value of row r, the lowest of equals.</summary>
    public abstract void ArgMax(TensorView logits, TensorView ids);

    /// <summary>
    /// The largest values of each row, largest first, and their indices, -1 where a row has fewer that are numbers;
    /// both outputs [rows, k].
    /// </summary>
    public abstract void TopK(TensorView logits, TensorView values, TensorView ids);

    /// <summary>Gives all memory back that was allocated by the device itself; tensors of callers are theirs to dispose.</summary>
    public abstract void Dispose();
}
