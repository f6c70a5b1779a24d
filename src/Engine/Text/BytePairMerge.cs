using System.Text;

namespace ChainOfSpot.Text;

/// <summary>
/// SentencePiece's byte-pair merge: a linked list of symbols over the text, and a queue of the joins that are possible now, the
/// highest score first and the leftmost of equals (the order decides how a run of one character is cut). A join that is no
/// longer possible stays in the queue and is skipped, so n characters cost at most 3n queue entries.
/// </summary>
internal static class BytePairMerge
{
    /// <summary>Cuts a text into pieces and into single characters that have no piece, from left to right.</summary>
    /// <param name="text">The text with its spaces marked.</param>
    /// <param name="tokenizer">Whose pieces may be made.</param>
    public static List<Range> Split(string text, LlamaTokenizer tokenizer)
    {
        var symbols = new Symbol[text.Length];
        int count = 0;
        for (int at = 0; at < text.Length;)
        {
            // Of an unpaired surrogate one char is consumed, as a character of its own.
            Rune.DecodeFromUtf16(text.AsSpan(at), out _, out int length);
            symbols[count] = new Symbol { Start = at, Length = length, Previous = count - 1, Next = count + 1 };
            count++;
            at += length;
        }
        symbols[count - 1].Next = -1;

        var joins = new PriorityQueue<(int Right, int Length), (float NegativeScore, int Left)>(count);
        for (int right = 1; right < count; right++)
            Offer(right - 1, right);

        while (joins.TryDequeue(out (int Right, int Length) join, out (float, int Left) order))
        {
            ref Symbol left = ref symbols[order.Left];
            ref Symbol right = ref symbols[join.Right];
            if (left.Length == 0 || right.Length == 0 || left.Length + right.Length != join.Length)
                continue;
            left.Length = join.Length;
            left.Next = right.Next;
            right.Length = 0;
            if (left.Next >= 0)
            {
                symbols[left.Next].Previous = order.Left;
                Offer(order.Left, left.Next);
            }
            if (left.Previous >= 0)
                Offer(left.Previous, order.Left);
        }

        var pieces = new List<Range>(count / 3 + 1);
        for (int i = 0; i >= 0; i = symbols[i].Next)
            pieces.Add(symbols[i].Start..(symbols[i].Start + symbols[i].Length));
        return pieces;

        void Offer(int left, int right)
        {
            int length = symbols[left].Length + symbols[right].Length;
            if (tokenizer.TryGetScore(text.AsSpan(symbols[left].Start, length), out float score))
                joins.Enqueue((right, length), (-score, left));
        }
    }

    /// <summary>A run of characters; of length 0 once it is joined to the symbol on its left.</summary>
    private struct Symbol
    {
        public int Start;
        public int Length;
        public int Previous;
        public int Next;
    }
}
