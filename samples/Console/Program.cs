// A conversation about one picture: the region of each question first, then the answer as it is decoded.
using ChainOfSpot;

string model = Environment.GetEnvironmentVariable("COS_MODEL") ?? Path.Combine(AppContext.BaseDirectory, "models", "spot-tiny");
string picture = args.Length > 0 ? args[0] : Path.Combine(AppContext.BaseDirectory, "models", "spot-tiny", "samples", "shapes-1.png");
string[] questions = args.Length > 1 ? args[1..] : ["What number is on the red circle?", "How many shapes are there?"];

using var interrupted = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    interrupted.Cancel();
};

await using ChainOfSpotEngine engine = await ChainOfSpotEngine.LoadAsync(model, cancellationToken: interrupted.Token);
await using SpotImage image = await engine.OpenImageAsync(picture, interrupted.Token);
SpotConversation conversation = image.StartConversation();
foreach (string question in questions)
{
    Console.WriteLine(question);
    await foreach (AnswerUpdate update in conversation.AskStreamingAsync(question, cancellationToken: interrupted.Token))
    {
        if (update.Region is { } region)
            Console.Write($"  looks at {region.Text}: ");
        else if (update.Answer is { } answer)
            Console.WriteLine($"\n  {answer.Usage.CachedInputTokens} of {answer.Usage.InputTokens} tokens cached, {answer.Timings.Total.TotalMilliseconds:0} ms");
        else
            Console.Write(update.Text);
    }
}
