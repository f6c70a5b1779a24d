using System.Diagnostics;
using ChainOfSpot.Images;
using ChainOfSpot.Measurement;

namespace ChainOfSpot.EndToEnd;

/// <summary>Runs all jobs in rounds, one after the other, so that a slow spell of the machine falls on all of them.</summary>
internal static class EndToEndRun
{
    private const string Question = "What is in the picture?";
    private const string OtherQuestion = "What else is there?";

    public static async Task<EndToEndResult> RunAsync(EndToEndOptions options, TextWriter progress)
    {
        Peer? peer = options.Peer is { } template ? new Peer(template) : null;
        Picture picture = Picture.Decode(options.Picture);
        using ChainOfSpotEngine engine = await ChainOfSpotEngine.LoadAsync(options.Model, new EngineOptions { Threads = options.Threads }).ConfigureAwait(false);
        IReadOnlyList<Job> jobs = Job.All(options.NewTokens);
        Energy? energy = Energy.Find();
        var answers = jobs.ToDictionary(j => j.Name, _ => new List<Answer>());
        var joules = jobs.ToDictionary(j => j.Name, _ => new List<double>());
        var peerSeconds = new List<double>();
        var peerRatios = new List<double>();

        // The first round only warms up.
        for (int round = -1; round < options.Rounds; round++)
        {
            progress.Write($"\rround {round + 1} of {options.Rounds}");
            foreach (Job job in jobs)
            {
                (Answer answer, double used) = await AskAsync(engine, picture, job, energy).ConfigureAwait(false);
                if (round < 0)
                    continue;
                answers[job.Name].Add(answer);
                joules[job.Name].Add(used);
            }
            if (peer is null)
                continue;
            double seconds = await peer.RunAsync(options.Picture, Question).ConfigureAwait(false);
            if (round < 0)
                continue;
            peerSeconds.Add(seconds);
            peerRatios.Add(seconds / answers[Job.Reuse][^1].Timings.Total.TotalSeconds);
        }
        progress.WriteLine();
        return new EndToEndResult
        {
            Taken = DateTimeOffset.UtcNow,
            Machine = Machine.Current,
            Device = engine.DeviceName,
            Model = options.Model,
            Jobs = [.. jobs.Select(j => ToResult(j, engine.Config.Vision.Patches, answers[j.Name], energy is null ? null : Sample.Of(joules[j.Name])))],
            Questions = await CountQuestionsAsync(engine, picture, jobs, options.Questions).ConfigureAwait(false),
            AtOnce = await AtOnce.MeasureAsync(engine, picture, options.NewTokens, options.Rounds).ConfigureAwait(false),
            Peer = peer is null ? null : new PeerResult(peer.Template, Sample.Of(peerSeconds), Sample.Of(peerRatios)),
        };
    }

    private static async Task<(Answer Answer, double Joules)> AskAsync(ChainOfSpotEngine engine, Picture picture, Job job, Energy? energy)
    {
        engine.ForgetReused();
        using SpotImage image = engine.OpenImage(picture);
        if (job.IsSecondQuestion)
            await image.AskAsync(OtherQuestion, job.Ask).ConfigureAwait(false);
        double[] before = energy?.Read() ?? [];
        Answer answer = await image.AskAsync(Question, job.Ask).ConfigureAwait(false);
        return (answer, energy?.JoulesSince(before) ?? 0);
    }

    /// <summary>How the time grows with the questions about one picture.</summary>
    private static async Task<IReadOnlyList<QuestionCountResult>> CountQuestionsAsync(
        ChainOfSpotEngine engine, Picture picture, IReadOnlyList<Job> jobs, int most)
    {
        var results = new List<QuestionCountResult>();
        engine.ForgetReused();
        using SpotImage reused = engine.OpenImage(picture);
        using SpotImage anew = engine.OpenImage(picture);
        (double Reuse, double NoReuse) sum = default;
        for (int questions = 1; questions <= most; questions++)
        {
            string question = $"{Question} ({questions})";
            sum.Reuse += await SecondsAsync(reused, question, jobs.Single(j => j.Name == Job.Reuse)).ConfigureAwait(false);
            sum.NoReuse += await SecondsAsync(anew, question, jobs.Single(j => j.Name == Job.NoReuse)).ConfigureAwait(false);
            results.Add(new QuestionCountResult(questions, sum.Reuse, sum.NoReuse));
        }
        return results;
    }

    private static async Task<double> SecondsAsync(SpotImage image, string question, Job job)
    {
        long start = Stopwatch.GetTimestamp();
        await image.AskAsync(question, job.Ask).ConfigureAwait(false);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static JobResult ToResult(Job job, int patches, List<Answer> answers, Sample? joules)
    {
        PassResult first = answers[0].Passes[0];
        PassResult last = answers[0].Passes[^1];
        // Without reuse each pass encodes the picture.
        int pictures = job.IsSecondQuestion ? 0 : job.Ask.Reuse ? 1 : answers[0].Passes.Count;
        var stages = new List<StageResult>
        {
            Stage("encode image", pictures * patches, t => t.EncodeImage),
            Stage("prefill pass 1", first.PromptTokens - first.CachedTokens, t => t.FirstPrefill),
            Stage("decode pass 1", first.OutputIds.Count, t => t.FirstDecode),
        };
        if (!job.Ask.Direct)
        {
            stages.Add(Stage("encode region", patches, t => t.EncodeRegion));
            stages.Add(Stage("prefill pass 2", last.PromptTokens - last.CachedTokens, t => t.SecondPrefill));
            stages.Add(Stage("decode pass 2", last.OutputIds.Count, t => t.SecondDecode));
        }
        TokenUsage usage = answers[0].Usage;
        return new JobResult(
            job.Name, usage.InputTokens, usage.CachedInputTokens, usage.OutputTokens, stages, Sample.Of([.. answers.Select(a => a.Timings.Total.TotalSeconds)]), joules);

        StageResult Stage(string name, int tokens, Func<AnswerTimings, TimeSpan> time) =>
            new(name, tokens, Sample.Of([.. answers.Select(a => time(a.Timings).TotalSeconds)]));
    }
}
