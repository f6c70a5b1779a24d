// One question about every picture of a folder, many at a time: they share the steps of one device. Prints comma-separated values.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using ChainOfSpot;
using ChainOfSpot.Images;

const int AtATime = 16;

string model = Environment.GetEnvironmentVariable("COS_MODEL") ?? Path.Combine(AppContext.BaseDirectory, "models", "spot-tiny");
string folder = args.Length > 0 ? args[0] : Path.Combine(AppContext.BaseDirectory, "models", "spot-tiny", "samples");
string question = args.Length > 1 ? args[1] : "How many shapes are there?";
string[] pictures = [.. Directory.EnumerateFiles(folder).Where(IsPicture).Order(StringComparer.Ordinal)];

await using ChainOfSpotEngine engine = await ChainOfSpotEngine.LoadAsync(model);
var rows = new ConcurrentDictionary<string, string>();
long start = Stopwatch.GetTimestamp();
await Parallel.ForEachAsync(pictures, new ParallelOptions { MaxDegreeOfParallelism = AtATime }, async (path, cancellation) =>
{
    try
    {
        await using SpotImage image = await engine.OpenImageAsync(path, cancellation);
        Answer answer = await image.AskAsync(question, cancellationToken: cancellation);
        rows[path] = string.Create(CultureInfo.InvariantCulture, $"{Quote(answer.Text)},{Quote(answer.Region!.Text)},{answer.Probability:0.000}");
    }
    catch (PictureException error)
    {
        rows[path] = $",,{Quote(error.Message)}";
    }
});

Console.WriteLine("picture,answer,region,probability");
foreach (string path in pictures)
    Console.WriteLine($"{Quote(Path.GetFileName(path))},{rows[path]}");
Console.Error.WriteLine($"{pictures.Length} pictures in {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s");

static bool IsPicture(string path) => Path.GetExtension(path).ToUpperInvariant() is ".JPG" or ".JPEG" or ".PNG" or ".WEBP" or ".GIF" or ".BMP";

static string Quote(string text) => $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
