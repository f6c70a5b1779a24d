using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using ChainOfSpot.Images;
using ChainOfSpot.Models;
using ChainOfSpot.Runtime.Devices;
using ChainOfSpot.Text;
using ChainOfSpot.Sessions;
using ChainOfSpot.WeightsTools.Models;
using ChainOfSpot.WeightsTools.Output;
using Spectre.Console;

namespace ChainOfSpot.WeightsTools.Commands;

/// <summary><c>cos-weights compare</c>: how far two models' predictions are apart.</summary>
internal sealed class CompareCommand : Command
{
    /// <summary>What its help ends with.</summary>
    public const string Examples = """
        Examples:
          cos-weights compare llava-hf llava-other --text prose.txt                on a text
          cos-weights compare llava-hf llava-other --questions questions.jsonl     on questions about pictures

        A line of a question file: {"image": "street.jpg", "question": "What is on the sign?", "answer": "stop"}
        Pictures lie relative to the file. Both models predict the answer, or what the first model says where there is none.

        To see what quantisation costs:
          cos-weights quantize llava-hf --type q4_k_m -o llava-gguf
          cos-weights compare llava-hf llava-gguf --text prose.txt
        """;

    private const int DefaultPositions = 512;

    private readonly Argument<string> _reference = new("reference") { Description = "The checkpoint that is right." };
    private readonly Argument<string> _other = new("other")
    {
        Description = "The checkpoint that is compared with it; it has the same vocabulary, padding aside.",
    };

    private readonly Option<string?> _text = new("--text")
    {
        Description = "A text file.",
        HelpName = "FILE",
    };

    private readonly Option<string?> _questions = new("--questions")
    {
        Description = "Questions about pictures, one JSON object a line.",
        HelpName = "FILE",
    };

    private readonly Option<int?> _positions = CommonOptions.Count(
        "--positions",
        "The most predictions that are compared. The first model's logits of all of them are kept in memory. By default 512.");

    private readonly Option<int?> _window = CommonOptions.Count(
        "--window", "Positions of the windows that a text is cut into. By default 512.", smallest: 2);

    private readonly Option<int> _threads = new("--threads", "-t")
    {
        Description = "CPU threads; 0 for one a core.",
        HelpName = "N",
        DefaultValueFactory = _ => 0,
    };

    private readonly Option<string?> _tower = CommonOptions.Tower();
    private readonly Option<string?> _projector = CommonOptions.Projector();
    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Terminal _terminal;

    public CompareCommand(Terminal terminal)
        : base("compare", "Runs two models on the same text or questions: KL divergence, top-1 agreement, perplexity.")
    {
        _terminal = terminal;
        Add(_reference);
        Add(_other);
        Add(_text);
        Add(_questions);
        Add(_positions);
        Add(_window);
        Add(_threads);
        Add(_tower);
        Add(_projector);
        Add(_json);
        Validators.Add(result =>
        {
            if (result.GetValue(_text) is null == result.GetValue(_questions) is null)
                result.AddError("One of --text and --questions was expected.");
        });
        SetAction(RunAsync);
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        string referencePath = parsed.GetValue(_reference)!;
        string otherPath = parsed.GetValue(_other)!;
        List<ComparisonItem> items;
        List<List<float[]>> referenceLogits = [];
        string[] pieces;
        using (ChainOfSpotEngine reference = await LoadAsync(referencePath, parsed, cancellation).ConfigureAwait(false))
        {
            int positions = parsed.GetValue(_positions) ?? DefaultPositions;
            int window = Math.Min(parsed.GetValue(_window) ?? DefaultPositions, reference.Config.Text.MaxPositions);
            items = parsed.GetValue(_text) is { } text
                ? ComparisonSet.FromText(text, reference.Tokenizer, window, positions)
                : await ComparisonSet.FromQuestionsAsync(parsed.GetValue(_questions)!, reference, positions, cancellation)
                    .ConfigureAwait(false);
            pieces = PiecesOf(reference);
            await RunAsync(reference, items, (_, logits) => referenceLogits.Add(logits), cancellation).ConfigureAwait(false);
        }
        Divergence divergence;
        using (ChainOfSpotEngine other = await LoadAsync(otherPath, parsed, cancellation).ConfigureAwait(false))
        {
            // GGUF files have a piece for every row of the embedding, other layouts leave out the padding behind the last piece.
            string[] otherPieces = PiecesOf(other);
            int shared = Math.Min(pieces.Length, otherPieces.Length);
            if (!pieces.AsSpan(0, shared).SequenceEqual(otherPieces.AsSpan(0, shared)))
                throw new CommandException($"{otherPath} has another vocabulary than {referencePath}; the same was expected.");
            divergence = new Divergence(shared);
            await RunAsync(other, items, Compare, cancellation).ConfigureAwait(false);

            void Compare(int item, List<float[]> logits)
            {
                for (int i = 0; i < logits.Count; i++)
                    divergence.Add(referenceLogits[item][i], logits[i], items[item].Ids[items[item].FirstScored + i]);
            }
        }
        Report(parsed.GetValue(_json), divergence, referencePath, otherPath);
        return 0;
    }

    private static string[] PiecesOf(ChainOfSpotEngine engine) =>
        [.. Enumerable.Range(0, engine.Tokenizer.Count).Select(engine.Tokenizer.Piece)];

    private async Task<ChainOfSpotEngine> LoadAsync(string path, ParseResult parsed, CancellationToken cancellation)
    {
        if (_terminal.ShowsProgress)
            await _terminal.Error.WriteLineAsync($"Loading {path}").ConfigureAwait(false);
        var options = new EngineOptions { Device = new DeviceChoice(DeviceKind.Cpu), Threads = parsed.GetValue(_threads), Arithmetic = Arithmetic.Exact };
        // Of the two models one may be in GGUF files and one not.
        options = GgufFiles.AreAt(path)
            ? options with { MmprojFile = parsed.GetValue(_projector) }
            : options with { VisionTower = parsed.GetValue(_tower) };
        return await ChainOfSpotEngine.LoadAsync(path, options, cancellationToken: cancellation).ConfigureAwait(false);
    }

    /// <summary>Runs a model over all items and hands the logits of each over.</summary>
    private async Task RunAsync(
        ChainOfSpotEngine engine, List<ComparisonItem> items, Action<int, List<float[]>> take, CancellationToken cancellation)
    {
        using var pass = new ForwardPass(engine);
        int patches = engine.Config.Vision.Patches;
        await _terminal.RunWithProgressAsync($"Running {Path.GetFileName(engine.ModelPath)}", items.Count, async progress =>
        {
            for (int i = 0; i < items.Count; i++)
            {
                ComparisonItem item = items[i];
                Picture? picture = item.Picture is null ? null : Picture.Decode(item.Picture);
                using Shared<EncodedRegion>? encoded = picture is null
                    ? null
                    : await engine.Pictures.EncodeAsync(picture, new ImageKey(picture.Hash, Box: null), reuses: true, cancellation).ConfigureAwait(false);
                // The row behind which the first scored id is predicted; a picture before it takes one row a patch.
                int firstRow = item.FirstScored - 1 + (item.Picture is null ? 0 : patches - 1);
                if (firstRow + item.ScoredCount > engine.Config.Text.MaxPositions)
                    throw new ContextLengthException(firstRow + item.ScoredCount, patches, engine.Config.Text.MaxPositions);
                take(i, await pass.LogitsAsync(
                    item.Ids[..^1],
                    encoded?.Value.Features,
                    firstRow,
                    cancellation).ConfigureAwait(false));
                progress.Report(1);
            }
        }).ConfigureAwait(false);
    }

    private void Report(bool asJson, Divergence divergence, string reference, string other)
    {
        if (asJson)
        {
            _terminal.Out.WriteLine(JsonText.Of(new JsonObject
            {
                ["reference"] = reference,
                ["other"] = other,
                ["positions"] = divergence.Positions,
                ["mean_kl"] = divergence.MeanKl,
                ["largest_kl"] = divergence.LargestKl,
                ["top1_agreement"] = divergence.TopAgreement,
                ["reference_perplexity"] = divergence.ReferencePerplexity,
                ["perplexity"] = divergence.Perplexity,
                ["largest_logit_difference"] = divergence.LargestLogitDifference,
            }));
            return;
        }
        var table = new Table().HideHeaders().AddColumn("").AddColumn("");
        table.AddPlainRow("positions", Number(divergence.Positions));
        table.AddPlainRow("KL divergence, mean", $"{Number(divergence.MeanKl)} nats");
        table.AddPlainRow("KL divergence, largest", $"{Number(divergence.LargestKl)} nats");
        table.AddPlainRow("top-1 agreement", divergence.TopAgreement.ToString("P2", CultureInfo.InvariantCulture));
        table.AddPlainRow($"perplexity of {reference}", Number(divergence.ReferencePerplexity));
        table.AddPlainRow($"perplexity of {other}", Number(divergence.Perplexity));
        table.AddPlainRow("largest difference of a logit", Number(divergence.LargestLogitDifference));
        _terminal.Write(table);
    }

    private static string Number(double value) => value.ToString("G5", CultureInfo.InvariantCulture);
}
