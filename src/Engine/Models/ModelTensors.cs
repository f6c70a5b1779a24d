using ChainOfSpot.Runtime.Weights;

namespace ChainOfSpot.Models;

/// <summary>The tensors of a LLaMA decoder, whatever file they come from.</summary>
/// <param name="Embedding">[vocabulary, width].</param>
/// <param name="Blocks">The blocks, first to last.</param>
/// <param name="Norm">The last norm [width].</param>
/// <param name="Head">[vocabulary, width]; <paramref name="Embedding"/> itself where the two are tied.</param>
internal sealed record LanguageTensors(StoredTensor Embedding, IReadOnlyList<LlamaBlock> Blocks, StoredTensor Norm, StoredTensor Head);

/// <summary>The tensors of a CLIP tower up to the feature layer and of the projector behind it.</summary>
/// <param name="ClassEmbedding">[width].</param>
/// <param name="PatchEmbedding">[width, 3, patch, patch].</param>
/// <param name="PositionEmbedding">[1 + patches, width]; row 0 is the class token's.</param>
/// <param name="PreNorm">The layer norm before the first block.</param>
/// <param name="Blocks">The blocks that run, first to last.</param>
/// <param name="Projector1">[text width, width].</param>
/// <param name="Projector2">[text width, text width].</param>
internal sealed record TowerTensors(
    StoredTensor ClassEmbedding,
    StoredTensor PatchEmbedding,
    StoredTensor PositionEmbedding,
    AffineTensors PreNorm,
    IReadOnlyList<ClipBlock> Blocks,
    AffineTensors Projector1,
    AffineTensors Projector2);
