using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Text;

namespace ChainOfSpot.Sessions;

/// <summary>Features of one picture in a prompt: rows [Start, Start + Rows.Rows).</summary>
internal readonly record struct PromptFeatures(int Start, TensorView Rows);

/// <summary>A prompt as rows of the language model: every image id is widened to one row a patch.</summary>
internal sealed class PromptRows
{
    private readonly int[] _tokens;

    /// <param name="ids">Ids with <see cref="Conversation.ImageToken"/> for each image.</param>
    /// <param name="patches">Rows of an image.</param>
    /// <param name="features">[patches, width] of each image, in the order of the ids; null for one that is cached and not fed.</param>
    public PromptRows(ReadOnlySpan<int> ids, int patches, params ReadOnlySpan<Tensor?> features)
    {
        var tokens = new List<int>(Count(ids, patches));
        var blocks = new List<PromptFeatures>();
        int image = 0;
        foreach (int id in ids)
        {
            if (id != Conversation.ImageToken)
            {
                tokens.Add(id);
                continue;
            }
            if (features[image++] is { } rows)
                blocks.Add(new PromptFeatures(tokens.Count, rows));
            for (int i = 0; i < patches; i++)
                tokens.Add(Conversation.ImageToken);
        }
        _tokens = [.. tokens];
        Features = blocks;
    }

    /// <summary>One id a row, negative where a feature stands.</summary>
    public ReadOnlySpan<int> Tokens => _tokens;

    public IReadOnlyList<PromptFeatures> Features { get; }

    /// <summary>Rows of a prompt whose images have <paramref name="patches"/> patches.</summary>
    public static int Count(ReadOnlySpan<int> ids, int patches) =>
        ids.Length + (ids.Count(Conversation.ImageToken) * (patches - 1));
}
