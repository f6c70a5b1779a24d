using ChainOfSpot.Text;

namespace ChainOfSpot.Sessions;

/// <summary>
/// What decides about the keys and values of a sequence: its token ids and, for each image among them, what the image shows.
/// </summary>
/// <param name="ids">Ids with <see cref="Conversation.ImageToken"/> for each image.</param>
/// <param name="images">What the images show, in the order of the ids.</param>
/// <param name="patches">Positions of an image.</param>
internal sealed class PromptKey(int[] ids, ImageKey[] images, int patches)
{
    /// <summary>Ids with <see cref="Conversation.ImageToken"/> for each image.</summary>
    public int[] Ids { get; } = ids;

    /// <summary>What the images show.</summary>
    public ImageKey[] Images { get; } = images;

    /// <summary>Positions of the sequence.</summary>
    public int Positions { get; } = PromptRows.Count(ids, patches);

    /// <summary>Positions up to and with the first image: what all questions about a picture share.</summary>
    public int PicturePositions => Array.IndexOf(Ids, Conversation.ImageToken) + patches;

    /// <summary>How many positions of this and of another sequence, from the first on, have the same keys and values.</summary>
    public int CommonPositions(PromptKey other)
    {
        int common = Ids.AsSpan().CommonPrefixLength(other.Ids);
        int images = Ids.AsSpan(0, common).Count(Conversation.ImageToken);
        int same = Images.AsSpan(0, images).CommonPrefixLength(other.Images);
        if (same < images)
            return PositionOfImage(same);
        return PromptRows.Count(Ids.AsSpan(0, common), patches);
    }

    /// <summary>The beginning of this sequence behind which <paramref name="positions"/> are fed; ends between two ids.</summary>
    public PromptKey First(int positions)
    {
        int count = 0;
        for (int fed = 0; count < Ids.Length; count++)
        {
            fed += Ids[count] == Conversation.ImageToken ? patches : 1;
            if (fed > positions)
                break;
        }
        return new PromptKey(Ids[..count], Images[..Ids.AsSpan(0, count).Count(Conversation.ImageToken)], patches);
    }

    /// <summary>The first position of an image, counted from 0.</summary>
    public int PositionOfImage(int number)
    {
        int index = -1;
        for (int i = 0; i <= number; i++)
            index = Array.IndexOf(Ids, Conversation.ImageToken, index + 1);
        return PromptRows.Count(Ids.AsSpan(0, index), patches);
    }
}
