using ChainOfSpot.Measurement;

namespace ChainOfSpot.EndToEnd;

/// <summary>A program that answers one question and ends, by a command line with {image} and {question} in it.</summary>
internal sealed class CommandPeer : Peer
{
    private const string Image = "{image}";
    private const string Question = "{question}";

    private readonly CommandTemplate _template;

    /// <param name="template">The command line, as <see cref="CommandTemplate"/> reads it.</param>
    /// <exception cref="ArgumentException">There is no program or no {image} in it.</exception>
    public CommandPeer(string template)
    {
        _template = new CommandTemplate(template);
        if (_template.IsEmpty || !template.Contains(Image, StringComparison.Ordinal))
            throw new ArgumentException($"--peer \"{template}\": expected a command with {Image} and {Question}.", nameof(template));
    }

    public override string Name => _template.Text;

    public override bool GoesOn => false;

    /// <summary>The words of a command for a picture and a question.</summary>
    public IReadOnlyList<string> Words(string image, string question) => _template.Words((Image, image), (Question, question));

    /// <summary>Runs it once; the time is that from its start to its end, loading the model included.</summary>
    public override async Task<PeerAnswer> AnswerAsync(IReadOnlyList<PeerTurn> turns)
    {
        PeerTurn turn = turns.Single();
        MeasuredProcess process = await MeasuredProcess.RunAsync(
            Words(turn.PicturePath, turn.BeforePicture + turn.AfterPicture.TrimStart())).ConfigureAwait(false);
        return PrintedTimings.Read(process.Output + process.Error, process.Seconds);
    }
}
