using ChainOfSpot.Images;
using ChainOfSpot.Measurement;
using ChainOfSpot.Runtime.Devices;

namespace ChainOfSpot.EndToEnd;

/// <summary>Runs all jobs in rounds, one after the other, so that a slow spell of the machine falls on all of them.</summary>
internal static class EndToEndRun
{
    public static async Task<EndToEndResult> RunAsync(EndToEndOptions options, TextWriter progress)
    {
        var pictures = new FreshPictures(Picture.Decode(options.Picture));
        using PeerRun? peer = PeerOf(options) is { } named ? new PeerRun(named, pictures) : null;
        using ChainOfSpotEngine engine = await ChainOfSpotEngine.LoadAsync(
            options.Model, new EngineOptions { Device = new DeviceChoice(DeviceKind.Cpu), Threads = options.Threads }).ConfigureAwait(false);
        IReadOnlyList<Job> jobs = Job.All(options.NewTokens);
        Energy? energy = Energy.Find();
        var answers = jobs.ToDictionary(j => j.Name, _ => new List<Answer>());
        var joules = jobs.ToDictionary(j => j.Name, _ => new List<double>());

        try
        {
            // The first round only warms up.
            for (int round = -1; round < options.Rounds; round++)
            {
                progress.Write($"\rround {round + 1} of {options.Rounds}");
                foreach (Job job in jobs)
                {
                    (Answer answer, double used) = await AskAsync(engine, pictures.Next(), job, energy).ConfigureAwait(false);
                    if (peer is not null)
                        await peer.AnswerAsync(job, answer, isWarmUp: round < 0).ConfigureAwait(false);
                    if (round < 0)
                        continue;
                    answers[job.Name].Add(answer);
                    joules[job.Name].Add(used);
                }
            }
        }
        finally
        {
            // A peer's error stands on a line of its own.
            progress.WriteLine();
        }
        return new EndToEndResult
        {
            Taken = DateTimeOffset.UtcNow,
            Machine = Machine.Current,
            Device = engine.DeviceName,
            Model = options.Model,
            Jobs = [.. jobs.Select(j => ToResult(j, engine.Config.Vision.Patches, answers[j.Name], energy is null ? null : Sample.Of(joules[j.Name])))],
            AtOnce = await AtOnce.MeasureAsync(engine, pictures.Next(), options.NewTokens, options.Rounds).ConfigureAwait(false),
            Growth = options.Points == 0
                ? null
                : await Growth.MeasureAsync(engine, pictures, options.NewTokens, options.Points, options.Rounds, progress).ConfigureAwait(false),
            Peer = peer?.ToResult(),
        };
    }

    private static Peer? PeerOf(EndToEndOptions options)
    {
        if (options.Peer is not { } peer)
            return null;
        return Uri.TryCreate(peer, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https"
            ? new ServerPeer(address, options.NewTokens, options.PeerFields)
            : new CommandPeer(peer);
    }

    private static async Task<(Answer Answer, double Joules)> AskAsync(ChainOfSpotEngine engine, Picture picture, Job job, Energy? energy)
    {
        engine.ForgetReused();
        using SpotImage image = engine.OpenImage(picture);
        if (job.IsSecondQuestion)
            await image.AskAsync(Job.OtherQuestion, job.AskOther(1)).ConfigureAwait(false);
        double[] before = energy?.Read() ?? [];
        Answer answer = await image.AskAsync(Job.Question, job.Ask).ConfigureAwait(false);
        return (answer, energy?.JoulesSince(before) ?? 0);
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
            Stage("decode pass 1", DecodedTokens(first), t => t.FirstDecode),
        };
        if (!job.Ask.Direct)
        {
            stages.Add(Stage("encode region", patches, t => t.EncodeRegion));
            stages.Add(Stage("prefill pass 2", last.PromptTokens - last.CachedTokens, t => t.SecondPrefill));
            stages.Add(Stage("decode pass 2", DecodedTokens(last), t => t.SecondDecode));
        }
        TokenUsage usage = answers[0].Usage;
        return new JobResult(
            job.Name, usage.InputTokens, usage.CachedInputTokens, usage.OutputTokens, stages, Sample.Of([.. answers.Select(a => a.Timings.Total.TotalSeconds)]), joules);

        StageResult Stage(string name, int tokens, Func<AnswerTimings, TimeSpan> time) =>
            new(name, tokens, Sample.Of([.. answers.Select(a => time(a.Timings).TotalSeconds)]));

        // The first one comes from the prompt's last row.
        static int DecodedTokens(PassResult pass) => Math.Max(pass.OutputIds.Count - 1, 0);
    }
}
