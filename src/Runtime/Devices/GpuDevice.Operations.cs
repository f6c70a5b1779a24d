using ChainOfSpot.Kernels;

namespace ChainOfSpot.Runtime.Devices;

/// <content>Operations that have no GPU form yet.</content>
public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void GatherRows(TensorView source, TensorView indices, TensorView output) => throw Missing(nameof(GatherRows));

    /// <inheritdoc/>
    public override void EmbedTokens(Weight table, TensorView ids, TensorView output) => throw Missing(nameof(EmbedTokens));

    /// <inheritdoc/>
    public override void CropResize(TensorView picture, in ResampleGeometry geometry, Tensor levels, TensorView resized, TensorView pixels) =>
        throw Missing(nameof(CropResize));

    /// <inheritdoc/>
    public override void ExtractPatches(TensorView pixels, int side, int patch, TensorView patches) => throw Missing(nameof(ExtractPatches));

    /// <inheritdoc/>
    public override void LayerNorm(TensorView x, Tensor weight, Tensor bias, float epsilon, TensorView output) => throw Missing(nameof(LayerNorm));

    /// <inheritdoc/>
    public override void RmsNorm(TensorView x, Tensor weight, float epsilon, TensorView output) => throw Missing(nameof(RmsNorm));

    /// <inheritdoc/>
    public override void SwiGlu(TensorView gateUp, TensorView output) => throw Missing(nameof(SwiGlu));

    /// <inheritdoc/>
    public override void RopeAppend(TensorView qkv, in RaggedRows rows, RopeTable rope, KvPool pool, int layer) => throw Missing(nameof(RopeAppend));

    /// <inheritdoc/>
    public override void Attention(TensorView qkv, in RaggedRows rows, KvPool pool, int layer, TensorView output) => throw Missing(nameof(Attention));

    /// <inheritdoc/>
    public override void FullAttention(TensorView qkv, int rowsPerPicture, int heads, TensorView output) => throw Missing(nameof(FullAttention));

    /// <inheritdoc/>
    public override void CopyPage(KvPool pool, int source, int destination, int positions) => throw Missing(nameof(CopyPage));

    /// <inheritdoc/>
    public override void ArgMax(TensorView logits, TensorView ids) => throw Missing(nameof(ArgMax));

    /// <inheritdoc/>
    public override void TopK(TensorView logits, TensorView values, TensorView ids) => throw Missing(nameof(TopK));

    private static NotSupportedException Missing(string operation) => new($"{operation} has no GPU form yet.");
}
