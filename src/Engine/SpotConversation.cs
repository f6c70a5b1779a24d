using System.Runtime.CompilerServices;

namespace ChainOfSpot;

/// <summary>
/// Questions about one picture, each asked behind those before it and their answers. A question is looked at twice as the first
/// one was: the model says where to look, now without being shown the whole picture again, and is shown that region. With
/// <see cref="AskOptions.Direct"/> it is asked the way the method's training asks its later questions, without a look.
/// <para>
/// It holds nothing but its turns, so it needs no disposing, and one conversation can be started from the turns of another. One
/// question at a time; conversations beside each other are independent.
/// </para>
/// </summary>
public sealed class SpotConversation
{
    private readonly List<ConversationTurn> _turns;
    private int _isAsking;

    internal SpotConversation(SpotImage image, IEnumerable<ConversationTurn> turns)
    {
        Image = image;
        _turns = [.. turns];
        foreach (ConversationTurn turn in _turns)
            ArgumentNullException.ThrowIfNull(turn, nameof(turns));
    }

    /// <summary>The picture.</summary>
    public SpotImage Image { get; }

    /// <summary>The questions that were answered so far, in their order.</summary>
    public IReadOnlyList<ConversationTurn> Turns => _turns;

    /// <summary>Answers the next question; when it is answered, it is a turn of the conversation.</summary>
    /// <inheritdoc cref="SpotImage.AskAsync"/>
    /// <exception cref="InvalidOperationException">The question before is still open.</exception>
    public async Task<Answer> AskAsync(string question, AskOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new AskOptions();
        using (Enter())
        {
            Answer answer = await Image.RunAsync(question, options, _turns, report: null, cancellationToken).ConfigureAwait(false);
            Keep(question, options, answer);
            return answer;
        }
    }

    /// <summary>Answers the next question bit by bit; when the last update is there, it is a turn of the conversation.</summary>
    /// <inheritdoc cref="SpotImage.AskStreamingAsync"/>
    /// <exception cref="InvalidOperationException">The question before is still open.</exception>
    public async IAsyncEnumerable<AnswerUpdate> AskStreamingAsync(
        string question, AskOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        options ??= new AskOptions();
        using (Enter())
        {
            await foreach (AnswerUpdate update in Image.StreamAsync(question, options, _turns, cancellationToken).ConfigureAwait(false))
            {
                if (update.Answer is { } answer)
                    Keep(question, options, answer);
                yield return update;
            }
        }
    }

    private void Keep(string question, AskOptions options, Answer answer) => _turns.Add(new ConversationTurn
    {
        Question = question,
        RegionText = answer.Region?.Text,
        AnswerSuffix = options.AnswerSuffix,
        Answer = answer.Text,
    });

    private OpenQuestion Enter() => Interlocked.Exchange(ref _isAsking, 1) == 0
        ? new OpenQuestion(this)
        : throw new InvalidOperationException("The conversation's question before is still open; await its answer first.");

    private readonly struct OpenQuestion(SpotConversation conversation) : IDisposable
    {
        public void Dispose() => Volatile.Write(ref conversation._isAsking, 0);
    }
}
