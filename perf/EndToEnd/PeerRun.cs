using ChainOfSpot.Images;
using ChainOfSpot.Measurement;
using ChainOfSpot.Text;

namespace ChainOfSpot.EndToEnd;

/// <summary>A peer in the rounds of the engine: the jobs that it can do, each right behind the engine's own.</summary>
internal sealed class PeerRun : IDisposable
{
    private readonly Peer _peer;
    private readonly FreshPictures _pictures;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("cos-end-to-end-");
    private readonly Dictionary<string, List<(PeerAnswer Peer, Answer Engine)>> _answers = [];

    public PeerRun(Peer peer, FreshPictures pictures)
    {
        _peer = peer;
        _pictures = pictures;
    }

    /// <summary>Lets the peer do a job where it can.</summary>
    /// <param name="job">The job.</param>
    /// <param name="engine">The engine's answer in this round.</param>
    /// <param name="isWarmUp">Whether the times count.</param>
    public async Task AnswerAsync(Job job, Answer engine, bool isWarmUp)
    {
        bool looksTwice = job.Ask is { Direct: false, Reuse: true } && !job.IsSecondQuestion;
        if (!job.Ask.Direct && !(looksTwice && _peer.GoesOn))
            return;
        string picture = Save("picture.png", _pictures.Next());
        PeerAnswer answer;
        if (job.Ask.Direct)
        {
            answer = await _peer.AnswerAsync([new PeerTurn("", picture, SpotPrompts.DirectTurn(Job.Question))]).ConfigureAwait(false);
        }
        else
        {
            AnswerRegion region = engine.Region!;
            string crop = Save("region.png", Picture.FromRgb(region.CropSide, region.CropSide, region.Crop.Span));
            var where = new PeerTurn("", picture, SpotPrompts.RegionTurn(Job.Question));
            (string before, string after) = SpotPrompts.AnswerTurn(Job.Question);
            answer = await _peer.AnswerAsync([where]).ConfigureAwait(false)
                + await _peer.AnswerAsync([where with { Answer = Job.RegionText }, new PeerTurn(before, crop, after)]).ConfigureAwait(false);
        }
        if (isWarmUp)
            return;
        if (!_answers.TryGetValue(job.Name, out List<(PeerAnswer, Answer)>? answers))
            _answers[job.Name] = answers = [];
        answers.Add((answer, engine));
    }

    public PeerResult ToResult() => new(_peer.Name, [.. _answers.Select(job => ToResult(job.Key, job.Value))]);

    public void Dispose() => _folder.Delete(recursive: true);

    private static PeerJobResult ToResult(string job, List<(PeerAnswer Peer, Answer Engine)> answers)
    {
        PeerAnswer first = answers[0].Peer;
        return new PeerJobResult(
            job, first.PromptTokens, first.CachedTokens, first.OutputTokens,
            Compare(answers, peer => peer.Seconds, engine => engine.Timings.Total.TotalSeconds)!,
            Compare(answers, peer => peer.BeforeFirstToken, BeforeFirstToken),
            Compare(answers, peer => peer.Decode / Decoded(peer.OutputTokens), DecodedToken));

        double? Decoded(int tokens) => tokens > answers[0].Engine.Passes.Count ? tokens - answers[0].Engine.Passes.Count : null;
    }

    private static Versus? Compare(
        List<(PeerAnswer Peer, Answer Engine)> answers, Func<PeerAnswer, double?> peer, Func<Answer, double?> engine)
    {
        (double? Peer, double? Engine)[] times = [.. answers.Select(answer => (peer(answer.Peer), engine(answer.Engine)))];
        if (times.Any(time => time.Peer is not > 0 || time.Engine is not > 0))
            return null;
        return new Versus(
            Sample.Of([.. times.Select(time => time.Peer!.Value)]), Sample.Of([.. times.Select(time => time.Peer!.Value / time.Engine!.Value)]));
    }

    private static double? BeforeFirstToken(Answer answer)
    {
        AnswerTimings timings = answer.Timings;
        return (timings.EncodeImage + timings.FirstPrefill + timings.EncodeRegion + timings.SecondPrefill).TotalSeconds;
    }

    private static double? DecodedToken(Answer answer)
    {
        int tokens = answer.Usage.OutputTokens - answer.Passes.Count;
        return tokens > 0 ? (answer.Timings.FirstDecode + answer.Timings.SecondDecode).TotalSeconds / tokens : null;
    }

    private string Save(string name, Picture picture)
    {
        string path = Path.Combine(_folder.FullName, name);
        picture.SavePng(path);
        return path;
    }
}
