namespace ChainOfSpot.Text;

/// <summary>
/// The words of Chain-of-Spot (arXiv 2403.12966, official code): the prompts of pass 1, which asks where to look, of pass 2,
/// which goes on with a second look, and of the single pass that plain LLaVA-1.5 makes; each behind the turns of a conversation
/// or at its beginning. The first turn shows the whole picture, each pass 2 shows its region.
/// </summary>
/// <param name="tokenizer">The model's tokenizer.</param>
/// <param name="afterEosRule">How the model reads text after an end mark.</param>
/// <param name="regionWord">The word that asks for the region.</param>
public sealed class SpotPrompts(
    LlamaTokenizer tokenizer, AfterEosRule afterEosRule, RegionQuestionWord regionWord = RegionQuestionWord.What)
{
    /// <summary>What the official training puts before the first question that it asks without a look behind one with.</summary>
    private const string BackToTheWhole = "Now answer the following questions based on the raw image: ";

    /// <summary>Pass 1: the picture, and which region of it answers the question.</summary>
    /// <param name="question">The question, with the suffix that says how to answer where there is one.</param>
    /// <param name="turns">What was asked and answered before.</param>
    public Conversation Region(string question, params IReadOnlyList<ConversationTurn> turns) => AskRegion(After(turns), question, isFirst: turns.Count == 0);

    /// <summary>Pass 2: pass 1 with its answer, then the region's picture and the question itself.</summary>
    /// <param name="question">The question as pass 1 asked it.</param>
    /// <param name="regionText">The text that pass 1 answered with.</param>
    /// <param name="suffix">What follows the quoted question in this pass only: for MMBench and ScienceQA
    /// <c>\nAnswer with the option's letter from the given choices directly.</c></param>
    /// <param name="turns">What was asked and answered before.</param>
    public Conversation Answer(string question, string regionText, string suffix = "", params IReadOnlyList<ConversationTurn> turns) =>
        AskAnswer(Region(question, turns), question, regionText, suffix);

    /// <summary>One pass without a region, as LLaVA-1.5 is asked.</summary>
    /// <param name="question">The question with its suffix.</param>
    /// <param name="turns">What was asked and answered before.</param>
    public Conversation Direct(string question, params IReadOnlyList<ConversationTurn> turns) =>
        AskDirect(After(turns), question, isFirst: turns.Count == 0, isBehindLook: turns.Count > 0 && turns[^1].RegionText is not null);

    /// <summary>The user's words in the first turn's pass 1, behind the picture.</summary>
    internal static string RegionTurn(string question, RegionQuestionWord word = RegionQuestionWord.What) =>
        $"\nTo answer the question: \"{question}\", {(word == RegionQuestionWord.Where ? "where" : "what")} is the region of interest in the image?";

    /// <summary>The user's words in pass 2, around the region's picture.</summary>
    internal static (string BeforeImage, string AfterImage) AnswerTurn(string question, string suffix = "") =>
        ("The region of interest in the image is ", $"\n. Answer the question: \"{question}\"{suffix}");

    /// <summary>The user's words in the first turn without a look, behind the picture.</summary>
    internal static string DirectTurn(string question) => $"\n{question}";

    private Conversation After(IReadOnlyList<ConversationTurn> turns)
    {
        var conversation = new Conversation(tokenizer, afterEosRule);
        bool isFirst = true;
        bool isBehindLook = false;
        foreach (ConversationTurn turn in turns)
        {
            conversation = turn.RegionText is { } regionText
                ? AskAnswer(AskRegion(conversation, turn.Question, isFirst), turn.Question, regionText, turn.AnswerSuffix)
                : AskDirect(conversation, turn.Question, isFirst, isBehindLook);
            conversation.Answer(turn.Answer);
            isBehindLook = turn.RegionText is not null;
            isFirst = false;
        }
        return conversation;
    }

    private Conversation AskRegion(Conversation conversation, string question, bool isFirst)
    {
        string text = RegionTurn(question, regionWord);
        return isFirst ? conversation.Ask("", text) : conversation.Ask(text[1..]);
    }

    private static Conversation AskAnswer(Conversation conversation, string question, string regionText, string suffix)
    {
        (string beforeImage, string afterImage) = AnswerTurn(question, suffix);
        return conversation.Answer(regionText).Ask(beforeImage, afterImage);
    }

    private static Conversation AskDirect(Conversation conversation, string question, bool isFirst, bool isBehindLook) =>
        isFirst ? conversation.Ask("", DirectTurn(question)) : conversation.Ask((isBehindLook ? BackToTheWhole : "") + question);
}
