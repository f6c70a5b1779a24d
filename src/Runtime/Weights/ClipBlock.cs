namespace ChainOfSpot.Runtime.Weights;

/// <summary>A weight with its bias: a linear layer ([outputs, inputs] and [outputs]) or the affine part of a layer norm.</summary>
/// <param name="Weight">The weight.</param>
/// <param name="Bias">The bias.</param>
public sealed record AffineTensors(StoredTensor Weight, StoredTensor Bias);

/// <summary>The tensors of one block of a CLIP vision tower.</summary>
/// <param name="AttentionNorm">Layer norm before attention.</param>
/// <param name="Query">[width, width].</param>
/// <param name="Key">[width, width].</param>
/// <param name="Value">[width, width].</param>
/// <param name="AttentionOutput">[width, width].</param>
/// <param name="FeedForwardNorm">Layer norm before the feed-forward network.</param>
/// <param name="FeedForward1">[feed-forward width, width]; the activation follows.</param>
/// <param name="FeedForward2">[width, feed-forward width].</param>
public sealed record ClipBlock(
    AffineTensors AttentionNorm,
    AffineTensors Query,
    AffineTensors Key,
    AffineTensors Value,
    AffineTensors AttentionOutput,
    AffineTensors FeedForwardNorm,
    AffineTensors FeedForward1,
    AffineTensors FeedForward2);
