namespace ChainOfSpot.EndToEnd;

/// <summary>A user's turn of a conversation about pictures.</summary>
/// <param name="BeforePicture">Its text before the picture.</param>
/// <param name="PicturePath">A PNG file.</param>
/// <param name="AfterPicture">Its text behind the picture.</param>
/// <param name="Answer">What the model is taken to have answered; null in the last turn, which is to be answered.</param>
internal sealed record PeerTurn(string BeforePicture, string PicturePath, string AfterPicture, string? Answer = null);

/// <summary>What a peer's answer took. Counts are the peer's own; 0 where it tells none.</summary>
/// <param name="Seconds">All of it.</param>
/// <param name="BeforeFirstToken">Seconds of encoding and prefill; null where they are not known.</param>
/// <param name="Decode">Seconds from the first token to the last; null where they are not known.</param>
/// <param name="PromptTokens">Positions of the prompt.</param>
/// <param name="CachedTokens">Those of them that the peer did not compute again.</param>
/// <param name="OutputTokens">Generated tokens.</param>
internal sealed record PeerAnswer(
    double Seconds, double? BeforeFirstToken, double? Decode, int PromptTokens, int CachedTokens, int OutputTokens)
{
    /// <summary>One answer after the other.</summary>
    public static PeerAnswer operator +(PeerAnswer first, PeerAnswer second) => new(
        first.Seconds + second.Seconds,
        first.BeforeFirstToken + second.BeforeFirstToken,
        first.Decode + second.Decode,
        first.PromptTokens + second.PromptTokens,
        first.CachedTokens + second.CachedTokens,
        first.OutputTokens + second.OutputTokens);
}

/// <summary>Another program that answers questions about pictures with the same model.</summary>
internal abstract class Peer
{
    /// <summary>How it was named on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>Whether it can go on with a conversation that holds a second picture.</summary>
    public abstract bool GoesOn { get; }

    /// <summary>Answers the last turn of a conversation.</summary>
    /// <exception cref="InvalidOperationException">It fails; the message names it and says how.</exception>
    public abstract Task<PeerAnswer> AnswerAsync(IReadOnlyList<PeerTurn> turns);
}
