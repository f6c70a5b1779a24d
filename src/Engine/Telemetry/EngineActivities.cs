using System.Diagnostics;
using ChainOfSpot.Sessions;

namespace ChainOfSpot.Telemetry;

/// <summary>
/// The engine's activities: a question, and in it what was encoded, fed and decoded. All are made on the question's side, none on
/// the thread that uses the device. What was asked and answered is in none of them.
/// </summary>
internal static class EngineActivities
{
    private static readonly ActivitySource Source = new(ChainOfSpotTelemetry.Name);

    public static Activity? StartQuestion(string model, bool direct, int turns)
    {
        Activity? activity = Source.StartActivity("chainofspot.question");
        activity?.SetTag("chainofspot.model", model);
        activity?.SetTag("chainofspot.direct", direct);
        activity?.SetTag("chainofspot.turns", turns);
        return activity;
    }

    public static Activity? StartEncode(bool isWholePicture)
    {
        Activity? activity = Source.StartActivity("chainofspot.encode");
        activity?.SetTag("chainofspot.image", isWholePicture ? "picture" : "region");
        return activity;
    }

    /// <summary>Makes the activities of a pass that has ended: up to its first token it was fed, behind that it decoded.</summary>
    public static void Generated(PassKind kind, Generation generation)
    {
        if (!Source.HasListeners())
            return;
        long end = Stopwatch.GetTimestamp();
        bool decoded = generation.FirstTokenTimestamp != 0;
        long fed = decoded ? generation.FirstTokenTimestamp : end;
        string pass = NameOf(kind);
        using (Activity? prefill = Start("chainofspot.prefill", pass, generation.StartTimestamp))
        {
            prefill?.SetTag("chainofspot.tokens.cached", generation.CachedTokens);
            prefill?.SetEndTime(TimeOf(fed).UtcDateTime);
        }
        if (!decoded)
            return;
        using Activity? decode = Start("chainofspot.decode", pass, fed);
        decode?.SetTag("chainofspot.tokens.output", generation.Output.Count);
        decode?.SetEndTime(TimeOf(end).UtcDateTime);
    }

    public static void Answered(Activity? question, Answer answer)
    {
        if (question is null)
            return;
        question.SetTag("chainofspot.tokens.input", answer.Usage.InputTokens);
        question.SetTag("chainofspot.tokens.cached", answer.Usage.CachedInputTokens);
        question.SetTag("chainofspot.tokens.output", answer.Usage.OutputTokens);
        if (answer.Region is not { } region)
            return;
        question.SetTag("chainofspot.region", region.Text);
        question.SetTag("chainofspot.region.fallback", region.IsFallback);
    }

    public static void Failed(Activity? question, Exception error)
    {
        if (question is null)
            return;
        question.SetTag("error.type", error.GetType().FullName);
        question.SetStatus(ActivityStatusCode.Error, error.Message);
    }

    /// <summary>What telemetry calls a pass.</summary>
    public static string NameOf(PassKind kind) => kind switch
    {
        PassKind.Region => "region",
        PassKind.Answer => "answer",
        _ => "direct",
    };

    private static Activity? Start(string name, string pass, long timestamp)
    {
        Activity? activity = Source.StartActivity(name, ActivityKind.Internal, parentContext: default, startTime: TimeOf(timestamp));
        activity?.SetTag("chainofspot.pass", pass);
        return activity;
    }

    private static DateTimeOffset TimeOf(long timestamp) => DateTimeOffset.UtcNow - Stopwatch.GetElapsedTime(timestamp);
}
