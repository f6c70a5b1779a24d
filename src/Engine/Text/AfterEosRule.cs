namespace ChainOfSpot.Text;

/// <summary>
/// How text that follows an end-of-sequence mark inside a prompt is tokenized. Three readings are in use, and they give
/// different ids (for <c>USER</c> in the 32000-piece vocabulary: 3148 1001, 3308 1001, 11889), so a model must be asked with
/// the reading it was trained with. <see cref="TokenizerSettings.AfterEosRule"/> chooses the one a checkpoint asks for.
/// </summary>
public enum AfterEosRule
{
    /// <summary>The text gets the dummy prefix, as any other text does.</summary>
    PrefixKept,

    /// <summary>The text gets the dummy prefix; the prefix is then cut off the first piece, which becomes unknown where the
    /// rest is no piece (transformers 4.31, which LLaVA-1.5 pins, with <c>"legacy": false</c>).</summary>
    PrefixStripped,

    /// <summary>The text gets no dummy prefix (later versions of transformers with <c>"legacy": false</c>).</summary>
    NoPrefix,
}
