namespace ChainOfSpot.Runtime.Weights;

/// <summary>The tensors of one block of a LLaMA decoder; matrices are [outputs, inputs].</summary>
/// <param name="AttentionNorm">RMS norm before attention [width].</param>
/// <param name="Query">[heads × head size, width].</param>
/// <param name="Key">[kv heads × head size, width].</param>
/// <param name="Value">[kv heads × head size, width].</param>
/// <param name="AttentionOutput">[width, heads × head size].</param>
/// <param name="FeedForwardNorm">RMS norm before the feed-forward network [width].</param>
/// <param name="Gate">[feed-forward width, width].</param>
/// <param name="Up">[feed-forward width, width].</param>
/// <param name="Down">[width, feed-forward width].</param>
public sealed record LlamaBlock(
    StoredTensor AttentionNorm,
    StoredTensor Query,
    StoredTensor Key,
    StoredTensor Value,
    StoredTensor AttentionOutput,
    StoredTensor FeedForwardNorm,
    StoredTensor Gate,
    StoredTensor Up,
    StoredTensor Down);
