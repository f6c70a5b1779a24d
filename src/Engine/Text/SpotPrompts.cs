namespace ChainOfSpot.Text;

/// <summary>
/// The words of Chain-of-Spot (arXiv 2403.12966, official code): the prompts of pass 1, which asks where to look, of pass 2,
/// which goes on with a second look, and of the single pass that plain LLaVA-1.5 makes.
/// </summary>
/// <param name="tokenizer">The model's tokenizer.</param>
/// <param name="afterEosRule">How the model reads text after an end mark.</param>
/// <param name="regionWord">The word that asks for the region.</param>
public sealed class SpotPrompts(
    LlamaTokenizer tokenizer, AfterEosRule afterEosRule, RegionQuestionWord regionWord = RegionQuestionWord.What)
{
    /// <summary>Pass 1: the picture, and which region of it answers the question.</summary>
    /// <param name="question">The question, with the suffix that says how to answer where there is one.</param>
    public Conversation Region(string question) =>
        new Conversation(tokenizer, afterEosRule).Ask("", RegionTurn(question, regionWord));

    /// <summary>Pass 2: pass 1 with its answer, then the region's picture and the question itself.</summary>
    /// <param name="question">The question as pass 1 asked it.</param>
    /// <param name="regionText">The text that pass 1 answered with.</param>
    /// <param name="suffix">What follows the quoted question in this pass only: for MMBench and ScienceQA
    /// <c>\nAnswer with the option's letter from the given choices directly.</c></param>
    public Conversation Answer(string question, string regionText, string suffix = "")
    {
        (string beforeImage, string afterImage) = AnswerTurn(question, suffix);
        return Region(question).Answer(regionText).Ask(beforeImage, afterImage);
    }

    /// <summary>One pass without a region, as LLaVA-1.5 is asked.</summary>
    /// <param name="question">The question with its suffix.</param>
    public Conversation Direct(string question) => new Conversation(tokenizer, afterEosRule).Ask("", DirectTurn(question));

    /// <summary>The user's words in pass 1, behind the picture.</summary>
    /// <param name="question">The question.</param>
    /// <param name="regionWord">The word that asks for the region.</param>
    public static string RegionTurn(string question, RegionQuestionWord regionWord = RegionQuestionWord.What)
    {
        string word = regionWord == RegionQuestionWord.Where ? "where" : "what";
        return $"\nTo answer the question: \"{question}\", {word} is the region of interest in the image?";
    }

    /// <summary>The user's words in pass 2, around the region's picture.</summary>
    /// <param name="question">The question.</param>
    /// <param name="suffix">What follows the quoted question.</param>
    public static (string BeforeImage, string AfterImage) AnswerTurn(string question, string suffix = "") =>
        ("The region of interest in the image is ", $"\n. Answer the question: \"{question}\"{suffix}");

    /// <summary>The user's words in the single pass, behind the picture.</summary>
    /// <param name="question">The question.</param>
    public static string DirectTurn(string question) => $"\n{question}";
}
